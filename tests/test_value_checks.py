"""Values are checked whatever the dtype, and masks of shares are blended."""

import numpy as np
import pytest
import tensorflow as tf
from contract import constant_images, seed_of

from keras_mix._core.plan.blending import blend
from keras_mix.layers import CutMix, MixUp, RandomChoice, SmoothMix, TabularMix

SIZE = 6
IMAGES = tf.constant(constant_images(SIZE, 4, 5, "float32"))
FLAGS = np.arange(SIZE) % 2


@pytest.mark.parametrize("mode", ["eager", "graph"])
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "bfloat16", "float16", "uint64"])
def test_ids_of_a_dtype_that_cannot_hold_the_number_of_classes(dtype, mode):
    for layer in (
        MixUp(alpha=0, num_classes=1000),
        MixUp(alpha=0, label_mode="union", num_classes=1000),
    ):
        call = layer if mode == "eager" else tf.function(layer)
        for labels in (FLAGS, FLAGS[:, None]):
            _, y = call(IMAGES, tf.cast(labels, dtype))
            np.testing.assert_array_equal(np.argmax(y, axis=1), FLAGS)


@pytest.mark.parametrize("mode", ["eager", "graph"])
def test_lengths_and_columns_in_bytes(mode):
    sounds = tf.zeros([SIZE, 300, 1])
    cut = CutMix(spatial_dims=1, kinds={"length": "lengths"})
    table = TabularMix(one_hot={"kind": 300}, alpha=0)
    if mode == "graph":
        cut, table = tf.function(cut), tf.function(table)
    lengths = tf.constant(200 + FLAGS, tf.uint8)
    (found,) = cut(({"sound": sounds, "length": lengths},))
    assert found["length"].dtype == "uint8"
    ids = tf.constant(200 + FLAGS, tf.uint8)
    (mixed,) = table(({"kind": ids, "size": tf.zeros([SIZE])},))
    np.testing.assert_array_equal(np.argmax(mixed["kind"], axis=1), ids)


@pytest.mark.parametrize("dtype", ["bool", "uint8"])
def test_labels_of_boxes_must_hold_minus_one(dtype):
    boxes = {"boxes": tf.zeros([SIZE, 2, 4]), "labels": tf.zeros([SIZE, 2], dtype)}
    layer = CutMix(bounding_boxes="xyxy")
    with pytest.raises(ValueError, match=r"`bounding_boxes/labels` must be signed numbers"):
        layer({"images": IMAGES, "bounding_boxes": boxes})


SHARES = np.random.default_rng(0).dirichlet(np.ones(3), (SIZE, 4, 5)).astype("float32")


@pytest.mark.parametrize(
    "make",
    [
        lambda **options: MixUp(alpha=1.0, **options),
        lambda **options: SmoothMix(**options),
        lambda **options: RandomChoice([MixUp(1.0), CutMix()], **options),
        lambda **options: CutMix(soft_masks=True, **options),
    ],
    ids=["MixUp", "SmoothMix", "RandomChoice", "CutMix"],
)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_masks_of_shares_are_mixed_as_images_are(make, dtype):
    images = tf.cast(SHARES, dtype)
    masks = tf.cast(SHARES, dtype)
    layer = make()
    mixed = layer({"images": images, "segmentation_masks": masks}, seed=seed_of())
    assert mixed["segmentation_masks"].dtype == "float32"
    tolerance = 0.01 if dtype == "bfloat16" else 1e-6
    np.testing.assert_allclose(
        mixed["segmentation_masks"], tf.cast(mixed["images"], "float32"), atol=tolerance
    )


def test_masks_of_other_floats_are_refused():
    batch = {"images": IMAGES, "segmentation_masks": tf.constant(SHARES * 255)}
    rule = r"`segmentation_masks` must hold class probabilities from 0 to 1"
    with pytest.raises(ValueError, match=rule):
        MixUp()(batch)
    with pytest.raises(tf.errors.InvalidArgumentError, match=rule):
        tf.function(MixUp())(batch)
    batch["segmentation_masks"] = IMAGES[..., 0] / 10
    rule = r"`segmentation_masks` must hold class ids, whole numbers, to become a soft mask"
    with pytest.raises(ValueError, match=rule):
        MixUp(soft_masks=True, num_classes=3)(batch)


def test_targets_of_a_dict_stay_targets_whatever_kinds_says():
    layer = MixUp(kinds={"labels": "values", "segmentation_masks": "values"}, dtype="float16")
    depth = tf.constant(1000 + SHARES)
    batch = {"images": IMAGES, "labels": tf.zeros([SIZE, 3]), "segmentation_masks": depth}
    mixed = layer(batch, seed=seed_of())
    assert {name: mixed[name].dtype.name for name in mixed} == {
        "images": "float16",
        "labels": "float32",
        "segmentation_masks": "float32",
    }


@pytest.mark.parametrize("mode", ["eager", "graph", "all in XLA"])
def test_a_blend_with_an_infinity(mode):
    infinity, largest = np.inf, np.finfo("float32").max
    own = np.array([-infinity, 1, infinity, largest, -0.0, infinity, -infinity], "float32")
    other = np.array([1, -infinity, 5, -largest, -0.0, -infinity, -infinity], "float32")
    x = np.stack([own, other] * 3)
    layer = MixUp(alpha=1.0, pairing="roll")
    call = layer if mode == "eager" else tf.function(layer, jit_compile=mode == "all in XLA")
    mixed, weights = call(tf.constant(x), tf.eye(6), seed=seed_of())
    for i, row in enumerate(mixed.numpy()):
        first, second = x[i].astype("float64"), x[(i + 1) % 6].astype("float64")
        share = float(weights[i, i])
        assert 0 < share < 1
        with np.errstate(invalid="ignore"):
            expected = share * first + (1 - share) * second
        np.testing.assert_allclose(row, expected, rtol=1e-5)
        assert np.signbit(row[4])


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_blend_takes_nothing_from_a_source_of_no_weight(share):
    own, other = tf.constant([-np.inf, 1.0, np.nan]), tf.constant([2.0, np.inf, 3.0])
    for call in (blend, tf.function(blend), tf.function(blend, jit_compile=True)):
        mixed = call([own, other], [None, tf.fill([3], share)])
        np.testing.assert_array_equal(mixed, other if share else own)
