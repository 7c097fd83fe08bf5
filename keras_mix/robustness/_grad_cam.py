"""Grad-CAM: where in an image a model sees a class."""

import keras
import numpy as np
from keras import ops

from keras_mix._core import checks
from keras_mix.robustness import _gradients, _layers


class GradCam:
    """Maps of where a classifier sees a class, by the gradient to the features of one layer.

    Args:
        owner: String. The function that was called.
        classifier: A `Classifier`.
        images: Checked images `(N, H, W, C)`.
        layer: A layer of the model, its name, or None for the last one of which the output is a
            feature map.
    """

    def __init__(self, owner, classifier, images, layer):
        self.owner = owner
        self.classifier = classifier
        first = ops.convert_to_tensor(images[:1])
        self.layer, features = self._layer(_layers.called(classifier.model, first), layer)
        self.shape = tuple(features.shape[1:])
        # A number added to each feature has the gradient of that feature.
        self._zeros = np.zeros((classifier.batch_size, *self.shape), "float32")
        self._compiled = _gradients.compiled(self._score, classifier.model)

    def maps(self, images, ids):
        """ReLU(Σ_k mean gradient_k · feature_k) at the size of the images, float64 `(N, H, W)`."""
        parts = []
        for (batch, classes), count in self.classifier.batches(images, ids):
            outputs, gradient = self._compiled.gradient(self._zeros, batch, classes)
            _, predictions, features = outputs
            self.classifier.checked(predictions)
            if gradient is None:
                checks.refuse(
                    self.owner,
                    f"`model` must have a gradient to the output of {self.layer.name!r}",
                    "an output that does not depend on it",
                    "Pass another layer.",
                )
            weights = gradient.astype(np.float64).mean(axis=(1, 2), keepdims=True)
            small = np.maximum((weights * features).sum(axis=-1), 0.0)
            parts.append(_enlarged(small, batch.shape[1:3])[:count])
        return np.concatenate(parts)

    def _score(self, shift, x, ids):
        """(logit of each image's class, outputs, features of the layer)."""
        features = []
        own = self.layer.call

        def shifted(*args, **kwargs):
            outputs = own(*args, **kwargs)
            features.append(outputs + ops.cast(shift, outputs.dtype))
            return features[-1]

        with _layers.replaced(self.layer, "call", shifted):
            outputs, logits = self.classifier.scored(x)
        if self.classifier.units == 1:
            score = ops.where(ids == 1, logits[:, 0], -logits[:, 0])
        else:
            score = ops.sum(logits * ops.one_hot(ids, self.classifier.units, dtype="float32"), 1)
        return score, outputs, ops.cast(features[-1], "float32")

    def _layer(self, calls, wanted):
        """(the layer, its output) among those that a call of the model went through."""
        maps = [(layer, output) for layer, output in calls if _is_map(output)]
        named = [
            (layer, output)
            for layer, output in maps
            if wanted is None or layer is wanted or layer.name == wanted
        ]
        if not named:
            checks.refuse(
                self.owner,
                "`layer` must be a layer with feature maps (B, H, W, C)",
                f"layer={getattr(wanted, 'name', wanted)!r}, and feature maps of "
                f"{[layer.name for layer, _ in maps]}",
                "A model without convolutions has no Grad-CAM." * (not maps),
            )
        found, output = named[-1]
        if sum(layer is found for layer, _ in calls) > 1:
            checks.refuse(
                self.owner,
                "`layer` must be called once in a pass of the model",
                f"layer={found.name!r}, which is called several times",
                "Pass another layer.",
            )
        return found, output


def _is_map(output):
    """Whether an output is a feature map `(B, H, W, C)` of more than one place."""
    is_float = keras.backend.is_float_dtype(keras.backend.standardize_dtype(output.dtype))
    return is_float and len(output.shape) == 4 and output.shape[1] * output.shape[2] > 1


def _enlarged(maps, size):
    """Maps `(B, h, w)` at another size, by bilinear interpolation between the centers of pixels."""
    down, across = map(_weights, maps.shape[1:], size)
    return np.einsum("Hh,bhw,Ww->bHW", down, maps, across, optimize=True)


def _weights(small, large):
    """Float `(large, small)`, the weights of the old places in each new one."""
    place = ((np.arange(large) + 0.5) * small / large - 0.5).clip(0, small - 1)
    return np.maximum(1.0 - np.abs(place[:, None] - np.arange(small)), 0.0)
