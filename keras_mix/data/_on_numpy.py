"""Mixers on batches of NumPy arrays, in Grain, `keras.utils.PyDataset` and loops of Python."""

import sys
from typing import Any

import numpy as np

from keras_mix._core import checks
from keras_mix._core.backend import namespaces
from keras_mix.layers._mixer.shared_options import Configured

_OWNER = "data.on_numpy"


def on_numpy(layer: Any) -> "NumPyMap":
    """Returns a mixer as a function of batches of NumPy arrays, for Grain and other pipelines.

    The function takes a batch, in any form that the layer takes, and a `np.random.Generator`, and
    returns the mixed batch as NumPy arrays. It computes by NumPy alone, whatever the Keras backend:
    it starts no accelerator and needs no TensorFlow, so worker processes can run it. Plans are
    those that the layer draws from the same seed on any backend, equal to the bit. Boxes, masks and
    other leaves are mixed as in the layer.

    - **Grain**: `dataset.batch(128).random_map(mix)`, or `mix` among the operations of a
      `grain.DataLoader`, if Grain is imported before `on_numpy` is called. Grain seeds each batch
      by the pipeline's seed and the number of the batch, so runs are reproducible and checkpoints
      resume exactly, with any number of threads and worker processes.
    - **`keras.utils.PyDataset`**: `mix(batch, np.random.default_rng([seed, epoch, index]))` in
      `__getitem__`, which gives the same batches with any number of workers.
    - **`torch.utils.data.DataLoader`**: call it in `collate_fn`, with a generator for each
      batch, such as `np.random.default_rng(torch.randint(2**31, (2,)).numpy())`.

    The draws of a call depend on the generator alone; the layer's own `seed` has no effect. Mix
    after batching, as partners come from the batch.

    Args:
        layer: Mixer of `keras_mix.layers`. The mixer to apply to each batch.

    Returns:
        A picklable callable `mix(batch, rng, partners=None)`, with `random_map(batch, rng)` by
        Grain's name. `partners` is a second batch, from which partners are drawn.

    Raises:
        ValueError: If the layer is not a mixer, or mixes with the batch before, as `RecursiveMix`
            does; or in calls, if `rng` is not a `np.random.Generator`, or if the layer cannot mix
            the batch.

    Example:

    >>> mix = keras_mix.data.on_numpy(keras_mix.layers.CutMix(num_classes=10))
    >>> batch = np.zeros((64, 32, 32, 3), "uint8"), np.arange(64) % 10
    >>> images, labels = mix(batch, np.random.default_rng([1, 0, 0]))
    >>> images.dtype, labels.shape
    (dtype('uint8'), (64, 10))
    """
    layer = checks.instance(_OWNER, "layer", layer)
    if not isinstance(layer, Configured):
        rule = "`layer` must be a mixer of keras_mix.layers"
        way_out = "Pass an instance of a mixer, such as keras_mix.layers.CutMix()."
        checks.refuse(_OWNER, rule, f"layer={layer!r}", way_out)
    if layer.recurs:
        checks.refuse(
            _OWNER,
            "`layer` must mix each batch by itself, since Python pipelines read batches in any "
            "order",
            f"{layer.owner}, whose partners are the batch that was mixed before",
            "Use keras_mix.data.mix or keras_mix.models.MixingModel.",
        )
    return NumPyMap(layer)


class NumPyMap:
    """What `on_numpy` returns.

    Attributes:
        layer: The mixer.
    """

    def __init__(self, layer):
        self.layer = layer
        grain = sys.modules.get("grain")
        if grain is not None:
            # What a `grain.DataLoader` takes among its operations.
            grain.transforms.RandomMap.register(NumPyMap)

    def __call__(self, batch: Any, rng: np.random.Generator, partners: Any = None) -> Any:
        """The mixed batch.

        Args:
            batch: Arrays in any structure that the layer takes.
            rng: Determines all draws.
            partners: A second batch, from which partners are drawn. Defaults to None: partners are
                drawn from the batch itself.
        """
        if not isinstance(rng, np.random.Generator):
            checks.refuse(
                _OWNER,
                "`rng` must be a np.random.Generator",
                f"rng={rng!r}",
                "Pass np.random.default_rng([seed, epoch, index]).",
            )
        seed = rng.integers(2**32, size=2, dtype=np.uint32).view(np.int32)
        with namespaces.using(namespaces.numpy()):
            return self.layer.call(batch, training=True, seed=seed, partners=partners)

    def random_map(self, element: Any, rng: np.random.Generator) -> Any:
        """The mixed batch, as `grain.transforms.RandomMap` has it."""
        return self(element, rng)

    def __reduce__(self):
        return _restored, (type(self.layer), self.layer.get_config())

    def __repr__(self):
        return f"{_OWNER}({self.layer!r})"


def _restored(layer, config):
    # In the namespace of NumPy a layer has no state, which would start the accelerator.
    with namespaces.using(namespaces.numpy()):
        return NumPyMap(layer.from_config(config))
