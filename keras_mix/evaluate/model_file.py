"""A saved Keras classifier: loaded, and asked what it takes and tells apart."""

import os
import pathlib
from typing import NamedTuple

import keras
import numpy as np

from keras_mix._core.model_inputs import inputs_of
from keras_mix._core.spelling import printable

# ITU-R BT.601, as Pillow turns RGB into gray.
_LUMA = (0.299, 0.587, 0.114)


class Classifier(NamedTuple):
    """A model, with the images that it takes and the number of classes.

    Attributes:
        model: A `keras.Model`.
        height: Integer, or None for any.
        width: Integer, or None for any.
        channels: 1 or 3.
        classes: Integer ≥ 2; 2 also for one sigmoid unit.
    """

    model: keras.Model
    height: int | None
    width: int | None
    channels: int
    classes: int

    def image_size(self, given=None):
        """Height and width in which images of a folder are to be read; refuses a missing one."""
        size = self.height, self.width
        if None not in size:
            if given is not None and size != (given, given):
                raise ValueError(
                    f"evaluate: the model takes images of {size[0]}×{size[1]} pixels. "
                    f"Received: --image-size {given}; leave it out"
                )
            return size
        if given is None:
            raise ValueError(
                "evaluate: for a model that takes images of any size, --image-size must be given. "
                f"Received: inputs of shape {(None, *size, self.channels)}"
            )
        return self.height or given, self.width or given

    def check_classes(self, names):
        """Refuses a data set with another number of classes."""
        if len(names) != self.classes:
            raise ValueError(
                f"evaluate: the data must have the {self.classes} classes that the model tells "
                f"apart, in its order. Received: {len(names)} classes, {', '.join(names[:10])}"
                f"{', …' * (len(names) > 10)}"
            )

    def fitted(self, images):
        """Images `(N, H, W, C)` with the channels that the model takes: gray, or RGB."""
        size = images.shape[1:3]
        wanted = self.height or size[0], self.width or size[1]
        if size != wanted:
            raise ValueError(
                f"evaluate: the images must have the {wanted[0]}×{wanted[1]} pixels that the model "
                f"takes. Received: {size[0]}×{size[1]} pixels, in a data set that keeps its size"
            )
        if images.shape[-1] == self.channels:
            return images
        if self.channels == 3:
            return np.repeat(images, 3, axis=-1)
        return (images @ np.asarray(_LUMA, images.dtype))[..., None]


def load(path):
    """Loads a model that `model.save` wrote, with or without objects of keras_mix.

    Returns:
        A `Classifier`.

    Raises:
        ValueError: In one sentence, if the file is missing or damaged, or if the model does not
            take one batch of images or does not give one batch of class scores.
    """
    path = pathlib.Path(os.path.expanduser(path))
    shown = printable(str(path))
    if not path.is_file():
        lacking = "a folder" if path.is_dir() else "no such file"
        raise ValueError(f"evaluate: MODEL must be a .keras file. Received: {shown!r}, {lacking}")
    try:
        model = keras.models.load_model(path, compile=False)
    except Exception as error:  # zipfile's, h5py's, json's, and a class's own
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(
            "evaluate: MODEL must be a file that `model.save` wrote, of layers of Keras and of "
            f"keras_mix. Received: {shown!r} ({reason[:200]})"
        ) from error
    return _classifier(model)


def _classifier(model):
    inputs = inputs_of(model) or []
    taken = [tuple(tensor.shape) for tensor in inputs]
    if len(taken) != 1 or len(taken[0]) != 4 or taken[0][3] not in (1, 3):
        raise ValueError(
            "evaluate: the model must take one batch of images (B, H, W, 1 or 3). "
            f"Received: inputs of shape {', '.join(map(str, taken)) or 'unknown'}"
        )
    # Called for shapes alone: a model that wraps another has no outputs of its own.
    outputs = model(keras.Input(taken[0][1:], dtype=inputs[0].dtype), training=False)
    given = [tuple(tensor.shape) for tensor in keras.tree.flatten(outputs)]
    if keras.tree.is_nested(outputs) or len(given[0]) != 2 or not given[0][1]:
        raise ValueError(
            "evaluate: the model must give one batch of class scores (B, K), or (B, 1) for two "
            f"classes. Received: {_named(outputs)} of shape {', '.join(map(str, given))}"
        )
    return Classifier(model, *taken[0][1:], max(given[0][1], 2))


def _named(outputs):
    nested = keras.tree.is_nested(outputs)
    return f"a {type(outputs).__name__} of outputs" if nested else "an output"
