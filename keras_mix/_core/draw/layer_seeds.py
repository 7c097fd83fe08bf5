"""The sequence of seeds of a layer, for calls without a seed of their own."""

import keras

from keras_mix._core.backend import namespaces, xp


class LayerSeeds:
    """Hands out every seed once.

    Args:
        start: Integer. The beginning of the sequence.

    Attributes:
        generator: `keras.random.SeedGenerator`, the state on JAX and PyTorch; else None. The layer
            must hold it as an attribute of its own, by which Keras tracks it.
    """

    def __init__(self, start):
        self._start = start
        self._of_tensorflow = None
        self.generator = None
        if namespaces.current() is namespaces.numpy():
            return  # Calls have seeds of their own.
        if keras.backend.backend() == "tensorflow":
            self._of_tensorflow = namespaces.tensorflow().seed_generator(start)
        else:
            self.generator = keras.random.SeedGenerator(start)

    def following(self, fresh):
        """int32 `(2,)`, the next seed.

        Args:
            fresh: Whether workers of tf.data service draw seeds of their own.
        """
        return xp.next_seed(self, fresh)

    def of_tensorflow(self):
        """The generator of TensorFlow, which works in tf.data under any backend."""
        if self._of_tensorflow is None:
            self._of_tensorflow = namespaces.tensorflow().seed_generator(self._start)
        return self._of_tensorflow
