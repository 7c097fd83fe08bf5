"""Grad-CAM on any backend, against networks whose maps are known by hand."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_mix import robustness

COUNT, SIDE, CLASSES = 7, 6, 3
DRAW = np.random.default_rng(0)
X = DRAW.random((COUNT, SIDE, SIDE, CLASSES)).astype("float32")
IDS = np.arange(COUNT) % CLASSES
KERNEL = DRAW.normal(size=(CLASSES, CLASSES)).astype("float32")
TOP, LEFT = DRAW.integers(0, 3, (2, COUNT))
BOXES = np.stack([TOP, LEFT, TOP + 3, LEFT + 2], axis=1)


@keras.saving.register_keras_serializable(package="test_localization")
class Subclassed(keras.Model):
    def __init__(self, layers, **kwargs):
        super().__init__(**kwargs)
        self.parts = layers

    def call(self, inputs):
        for layer in self.parts:
            inputs = layer(inputs)
        return inputs


def pooled(activation="softmax", kernel=KERNEL, subclassed=False):
    """A 1 × 1 convolution that changes nothing, the mean over places, and a dense layer."""
    layers = [
        keras.layers.Conv2D(CLASSES, 1, use_bias=False, name="features"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(kernel.shape[1], activation=activation, use_bias=False),
    ]
    model = (
        Subclassed(layers) if subclassed else keras.Sequential([keras.Input(X.shape[1:]), *layers])
    )
    model(X)
    model.set_weights([np.eye(CLASSES, dtype="float32")[None, None], kernel])
    return model


def by_hand(maps, seen=None):
    """(energy, hits) of float64 maps `(N, H, W)` in the boxes, by loops."""
    energy, hits = [], []
    for box, each in zip(BOXES, maps, strict=True):
        top, left, bottom, right = box
        if each.sum() > 0:
            energy.append(each[top:bottom, left:right].sum() / each.sum())
            row, column = np.unravel_index(each.argmax(), each.shape)
            hits.append(top <= row < bottom and left <= column < right)
    return np.mean(energy), np.mean(hits)


def maps_of_pooled(kernel=KERNEL, ids=IDS):
    """The gradient of a logit to each feature is its weight over the number of places."""
    return np.maximum(np.einsum("bhwk,kb->bhw", X.astype("float64"), kernel[:, ids]), 0)


@pytest.mark.parametrize("activation", ["softmax", None])
@pytest.mark.parametrize("subclassed", [False, True])
def test_energy_of_a_pooled_network_is_that_by_hand(activation, subclassed):
    options = {"boxes": BOXES, "from_logits": activation is None, "batch_size": 4}
    model = pooled(activation, subclassed=subclassed)
    result = robustness.localization(model, X, IDS, **options)
    energy, hits = by_hand(maps_of_pooled())
    np.testing.assert_allclose(result.energy, energy, rtol=1e-5)
    assert (result.hits, result.area) == (hits, pytest.approx(6 / 36))
    logits = X.mean(axis=(1, 2)) @ KERNEL
    assert result.accuracy == np.mean(logits.argmax(axis=1) == IDS)
    empty = (maps_of_pooled().sum(axis=(1, 2)) == 0).sum()
    assert (result.empty, result.samples) == (empty, COUNT)
    if not subclassed:
        layer = model.get_layer("features")
        for named in (layer, "features"):
            assert robustness.localization(model, X, IDS, layer=named, **options) == result


def test_one_sigmoid_unit_has_the_maps_of_two_classes():
    kernel = np.array([[1.0], [-2.0], [0.5]], "float32")
    ids = IDS % 2
    result = robustness.localization(pooled("sigmoid", kernel), X, ids, boxes=BOXES)
    energy, _ = by_hand(maps_of_pooled(np.concatenate([-kernel, kernel], axis=1), ids))
    np.testing.assert_allclose(result.energy, energy, rtol=1e-5)


def test_small_maps_are_enlarged_as_images_are():
    inputs = keras.Input(X.shape[1:])
    kernel = np.zeros((2, 2, 3, 3), "float32")
    kernel[0, 0] = np.eye(3)  # every second pixel
    small = keras.layers.Conv2D(3, 2, strides=2, use_bias=False)
    # A residual connection past the layer.
    whole = keras.layers.GlobalAveragePooling2D()(inputs)
    features = keras.layers.GlobalAveragePooling2D()(small(inputs))
    outputs = keras.layers.Dense(3, use_bias=False)(features + whole)
    model = keras.Model(inputs, outputs)
    model.set_weights([kernel, KERNEL])
    result = robustness.localization(model, X, IDS, boxes=BOXES, layer=small, from_logits=True)
    maps = np.maximum(
        np.einsum("bhwk,kb->bhw", X[:, ::2, ::2].astype("float64"), KERNEL[:, IDS]), 0
    )
    large = ops.image.resize(maps[..., None].astype("float32"), (SIDE, SIDE), "bilinear")
    energy, hits = by_hand(ops.convert_to_numpy(large)[..., 0].astype("float64"))
    np.testing.assert_allclose(result.energy, energy, rtol=1e-4)
    assert result.hits == hits


def test_a_model_is_as_before():
    model = pooled()
    before = [vars(layer).get("call") for layer in model.layers]
    robustness.localization(model, X, IDS, boxes=BOXES)
    assert [vars(layer).get("call") for layer in model.layers] == before
    assert model.layers[-1].activation is keras.activations.softmax


def without_maps():
    return keras.Sequential(
        [keras.Input(X.shape[1:]), keras.layers.Flatten(), keras.layers.Dense(3, "softmax")]
    )


def twice():
    inputs, layer = keras.Input(X.shape[1:]), keras.layers.Conv2D(3, 1, name="shared")
    outputs = keras.layers.GlobalAveragePooling2D()(layer(layer(inputs)))
    return keras.Model(inputs, keras.layers.Softmax()(outputs))


@pytest.mark.parametrize(
    ("make", "options", "match"),
    [
        (pooled, {"boxes": BOXES[:3]}, r"`boxes` must be integers \(7, 4\)"),
        (pooled, {"boxes": BOXES / 6}, r"Received: dtype float64"),
        (pooled, {"boxes": BOXES + 4}, r"within the image of 6 × 6. Received: \d of 7"),
        (pooled, {"layer": "dense"}, r"with feature maps .* layer='dense', .*\['features'\]"),
        (without_maps, {}, r"feature maps of \[\]. A model without convolutions has no Grad-CAM"),
        (twice, {}, "called once in a pass .* layer='shared'"),
        (lambda: pooled(kernel=0 * KERNEL), {}, "zero for all 7 images"),
    ],
)
def test_what_has_no_place_is_refused(make, options, match):
    with pytest.raises(ValueError, match=f"^localization: .*{match}"):
        robustness.localization(make(), X, IDS, **{"boxes": BOXES, **options})
