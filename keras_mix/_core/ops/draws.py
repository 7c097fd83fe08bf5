"""The draws on the backend at hand: `random` on TensorFlow, else `portable`."""

import keras

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    from keras_mix._core.draw.random import Concentration, beta, coin, partners, split, uniform

    def begin(generator):
        """The seed of one step, another in each replica of a `tf.distribute` strategy.

        Keras's generators give all replicas the same.
        """
        context = tf.distribute.get_replica_context()
        replica = 0 if context is None else context.replica_id_in_sync_group
        return tf.cast(generator.next(), tf.int32) + tf.stack([replica, 0])

    def concentration(alpha, variable):
        """An α that may change, for `beta`; `variable` holds its value."""
        return Concentration(alpha)

    def fixed(alpha):
        """An α that never changes, for `beta`."""
        return alpha

else:
    from keras_mix._core.ops.portable import Concentration, beta, coin, partners, split, uniform

    def begin(generator):
        """The seed of one step: the generator, which hands out a new one at each draw."""
        return generator

    def concentration(alpha, variable):
        """An α that may change, for `beta`; `variable` holds its value."""
        return Concentration(variable)

    def fixed(alpha):
        """An α that never changes, for `beta`."""
        return Concentration(alpha)


__all__ = ["begin", "beta", "coin", "concentration", "fixed", "partners", "split", "uniform"]
