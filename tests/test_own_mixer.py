"""Mistakes in a mixer of one's own, each refused in a sentence that says what to change."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_mix import layers, plans
from keras_mix.models import MixingModel

IMAGES = np.random.default_rng(0).random((4, 6, 8, 3)).astype("float32")
LABELS = np.eye(4, dtype="float32")
PARTNERS = np.array([1, 2, 3, 0])
LEFT = np.tile(np.arange(8) < 2, (1, 6, 1))


def mixer(sample, **attributes):
    kind = type("Own", (layers.Mixer,), {"sample": sample, **attributes})
    return keras.saving.register_keras_serializable("test")(kind)()


def pasting(region, **attributes):
    return mixer(lambda self, batch, seed: plans.paste(PARTNERS, region), **attributes)


def in_a_graph(layer):
    return next(iter(tf.data.Dataset.from_tensor_slices((IMAGES, LABELS)).batch(4).map(layer)))


CALLS = [lambda layer: layer(IMAGES, LABELS), in_a_graph]


@pytest.mark.parametrize("call", CALLS, ids=["eager", "graph"])
def test_a_region_is_pasted_as_it_is_drawn(call):
    x, y = call(pasting(LEFT, grid_rank=2, pastes=True))
    expected = np.where(LEFT[..., None], IMAGES[PARTNERS], IMAGES)
    np.testing.assert_array_equal(x, expected)
    np.testing.assert_allclose(y, 0.75 * LABELS + 0.25 * LABELS[PARTNERS])


@pytest.mark.parametrize("call", CALLS, ids=["eager", "graph"])
@pytest.mark.parametrize(
    ("layer", "sentence"),
    [
        (pasting(LEFT), "must state how many axes.*grid_rank=None.*Set `grid_rank`"),
        (pasting(LEFT, pastes=True), "must state how many axes"),
        (pasting(LEFT[:, :, :5], grid_rank=2), r"the sizes \(6, 5\) on the grid \(6, 8\)"),
        (pasting(LEFT[:, 0], grid_rank=2), r"the sizes \(8,\) on the grid \(6, 8\)"),
        (pasting(LEFT * 0.5, grid_rank=2), "`region` must be bool or int32"),
        (mixer(lambda self, batch, seed: None), "must return a plan. Received: .* NoneType"),
        (mixer(lambda self, batch, seed: batch.images), "must return a plan"),
        (mixer(lambda self, batch, seed: batch.height), "grid=None.*`grid_rank = 2`"),
        (mixer(lambda self, batch, seed: batch.width, grid_rank=1), r"axis 1.*grid=\(6,\)"),
        (
            mixer(lambda self, batch, seed: plans.blend(PARTNERS / 2, [[0.5, 0.5]])),
            "`partners` must be integers",
        ),
        (
            mixer(lambda self, batch, seed: plans.blend(PARTNERS, 0.7)),
            r"`weights` must be \(B or 1, 2\)",
        ),
        (
            mixer(lambda self, batch, seed: plans.blend(PARTNERS, [[0.2, 0.3, 0.5]])),
            r"`weights` must be \(B or 1, 2\)",
        ),
    ],
)
def test_a_mistake_is_refused_when_the_plan_is_drawn(call, layer, sentence):
    with pytest.raises((ValueError, TypeError), match=f"(?s){sentence}"):
        call(layer)


@pytest.mark.parametrize("call", CALLS, ids=["eager", "graph"])
@pytest.mark.parametrize(
    "sample",
    [
        lambda self, batch, seed: plans.blend(PARTNERS, [[0.7, 0.7]]),
        lambda self, batch, seed: plans.soft(PARTNERS, tf.ones([1, 6, 8, 2])),
    ],
)
def test_weights_that_do_not_sum_to_1_are_refused(call, sample):
    refusal = (ValueError, tf.errors.InvalidArgumentError)
    with pytest.raises(refusal, match="must sum to 1 over the sources"):
        call(mixer(sample, grid_rank=2))


def by_label(self, batch, seed):
    return plans.blend(tf.argsort(tf.argmax(batch.donor_labels, axis=1)), [[0.5, 0.5]])


def test_labels_are_read_where_there_are_some():
    layer = mixer(by_label)
    x, _ = layer(IMAGES, LABELS[::-1])
    np.testing.assert_allclose(x, (IMAGES + IMAGES[::-1]) / 2)
    base = keras.Sequential([keras.Input((6, 8, 3)), keras.layers.Flatten()])
    model = MixingModel(base, mixer=layer)
    model.compile("sgd", "mse")
    for call in (lambda: layer(IMAGES), lambda: model.train_on_batch(IMAGES, np.zeros((4, 144)))):
        with pytest.raises(ValueError, match=r"`donor_labels` needs a batch with labels"):
            call()
