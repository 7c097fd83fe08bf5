"""Instance masks: they show of each object what the mixed image shows of it."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from contract import MIXERS, membership_images, seed_of
from objects import (
    HEIGHT,
    OF_OBJECTS,
    SIZE,
    WIDTH,
    every_pasting,
    every_resizing,
    instance_masks,
    numbered,
    origin,
    shown_masks,
    sources_and_weights,
)

from keras_mix._core import checks
from keras_mix.data import boxes_from_masks
from keras_mix.layers import (
    RICAP,
    BoundingBoxOptions,
    CrossModalMix,
    CutMix,
    Cutout,
    MixUp,
    Mosaic,
    ResizeMix,
    SmoothMix,
)

COUNT = instance_masks().shape[1]
KINDS = {"objects": "instance_masks"}


def expected(seen, sources, weights, given, least):
    """The mixed masks `(B, S · N, H, W)`, by a loop over the pixels that an `Origin` tells."""
    size, number = sources.shape
    count = given.shape[1]
    found = np.zeros((size, number * count, HEIGHT, WIDTH), given.dtype)
    for i, s, n in np.ndindex(size, number, count):
        whole = given[sources[i, s], n]
        mask = found[i, s * count + n]
        for place in np.ndindex(HEIGHT, WIDTH):
            if seen.sample[i][place] == sources[i, s] and weights[i, s] > 0:
                mask[place] = whole[seen.row[i][place], seen.column[i][place]]
        if whole.any() and np.float32((mask != 0).sum() / (whole != 0).sum()) < np.float32(least):
            mask[:] = 0
    return found


@every_pasting
@pytest.mark.parametrize("least", [0.0, 0.4])
def test_masks_show_what_the_image_shows(make, least):
    layer, given = (
        make(kinds=KINDS, bounding_boxes=BoundingBoxOptions(min_visible=least), label_mode="pairs"),
        instance_masks(),
    )
    y = {"objects": given, "id": np.arange(SIZE)}
    mixed, found = layer(numbered(), y, seed=seed_of())
    right = expected(origin(mixed), *sources_and_weights(found["id"]), given, least)
    assert right.any()
    np.testing.assert_array_equal(found["objects"], right)


@every_resizing
def test_masks_show_what_the_resized_image_shows(make):
    """A segmentation mask in which each pixel has a number is read from the nearest pixel."""
    options = (
        {}
        if make(kinds=KINDS).owner == "Mosaic"
        else {"bounding_boxes": BoundingBoxOptions(min_visible=0.0)}
    )
    layer, given = make(kinds=KINDS, label_mode="pairs", **options), instance_masks()
    pixels = numbered()[..., 0].astype("int32")
    y = {"objects": given, "pixels": pixels, "id": np.arange(SIZE)}
    _, found = layer(numbered(), y, seed=seed_of())
    right = expected(origin(found["pixels"]), *sources_and_weights(found["id"]), given, 0.0)
    assert right.any()
    np.testing.assert_array_equal(found["objects"], right)


def test_a_reduced_object_is_measured_by_its_reduced_size():
    """At half the size the quarter of its pixels is all of an object."""
    given = np.zeros((2, 1, 32, 32), "uint8")
    given[:, 0, 8:24, 8:24] = 1
    images = np.zeros((2, 32, 32, 1), "float32")
    layer = ResizeMix(
        scale=(0.5, 0.5),
        kinds=KINDS,
        bounding_boxes=BoundingBoxOptions(min_visible=0.9),
        pairing="roll",
    )
    _, found = layer(images, {"objects": given}, seed=seed_of())
    np.testing.assert_array_equal(np.sum(found["objects"][:, 1], axis=(1, 2)), [64, 64])


def test_blended_masks_of_both_sources_stay():
    given = instance_masks()
    layer = MixUp(8.0, kinds=KINDS, pairing="roll")
    _, found = layer(numbered(), {"objects": given}, seed=seed_of())
    both = np.concatenate([given, np.roll(given, -1, axis=0)], axis=1)
    np.testing.assert_array_equal(found["objects"], both)
    _, found = MixUp(0, kinds=KINDS)(numbered(), {"objects": given}, seed=seed_of())
    np.testing.assert_array_equal(found["objects"][:, :COUNT], given)
    assert not np.any(found["objects"][:, COUNT:])


@pytest.mark.parametrize("least", [0.0, 0.3, 0.7])
def test_under_a_soft_region_an_object_must_be_covered_enough(least):
    given = instance_masks()
    layer = SmoothMix(
        sigma=(0.2, 0.4),
        kinds=KINDS,
        bounding_boxes=BoundingBoxOptions(min_visible=least),
        pairing="roll",
    )
    mixed, found = layer(membership_images(SIZE, HEIGHT, WIDTH), {"objects": given}, seed=seed_of())
    kept = 0
    for i, s in np.ndindex(SIZE, 2):
        j = (i + s) % SIZE
        right = shown_masks(given[j], mixed[i, ..., j].numpy(), least)
        np.testing.assert_array_equal(found["objects"][i, s * COUNT : (s + 1) * COUNT], right)
        kept += (right != 0).any(axis=(1, 2)).sum()
    assert kept < SIZE * 2 * (COUNT - 1) or not least


@pytest.mark.parametrize("mixer", [CutMix, MixUp])
def test_a_sample_mixed_with_itself_has_each_object_once(mixer):
    given = instance_masks(5)
    layer = mixer(8.0, kinds=KINDS, pairing="reverse")
    _, found = layer(numbered(5), {"objects": given}, seed=seed_of())
    np.testing.assert_array_equal(found["objects"][2, :COUNT], given[2])
    assert not np.any(found["objects"][2, COUNT:])


@pytest.mark.parametrize("name", OF_OBJECTS)
@pytest.mark.parametrize("training", [True, False])
def test_unmixed_masks_stay(name, training):
    row, given = MIXERS[name], instance_masks()
    layer = row.make(kinds=KINDS, **row.strong | {"rate": 0})
    _, found = layer(numbered(), {"objects": given}, seed=seed_of(), training=training)
    assert found["objects"].shape == (SIZE, COUNT * row.sources, HEIGHT, WIDTH)
    np.testing.assert_array_equal(found["objects"][:, :COUNT], given)
    assert not np.any(found["objects"][:, COUNT:])


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "uint16", "int32", "int64"])
@pytest.mark.parametrize("mixer", [CutMix, RICAP, ResizeMix])
def test_dtypes_stay(dtype, mixer):
    layer = mixer(kinds=KINDS, pairing="roll", dtype="mixed_float16")
    given = instance_masks(dtype=dtype)
    _, found = layer(numbered(), {"objects": given}, seed=seed_of())
    _, right = layer(numbered(), {"objects": given.astype("int32")}, seed=seed_of())
    assert found["objects"].dtype == dtype
    np.testing.assert_array_equal(found["objects"], right["objects"])


def test_partners_from_a_second_batch():
    given, others = instance_masks(), instance_masks(seed=1)
    layer = CutMix(
        8.0, kinds=KINDS, pairing="roll", bounding_boxes=BoundingBoxOptions(min_visible=0.0)
    )
    second = numbered(first=SIZE), {"objects": others}
    mixed, found = layer(numbered(), {"objects": given}, partners=second, seed=seed_of())
    sample = origin(mixed).sample[:, None]
    own = np.where(sample == np.arange(SIZE).reshape(-1, 1, 1, 1), given, 0)
    np.testing.assert_array_equal(found["objects"][:, :COUNT], own)
    partner = np.where(sample >= SIZE, sample - SIZE, 0).max(axis=(1, 2, 3))
    theirs = np.where(sample >= SIZE, others[partner], 0)
    np.testing.assert_array_equal(found["objects"][:, COUNT:], theirs)
    assert theirs.any()


@pytest.mark.parametrize("factor", [1, 2])
def test_masks_follow_the_image_of_several_modalities(factor):
    """Also at twice the size of the image."""
    layer = CrossModalMix(
        8.0,
        cuts={"image": CutMix(), "objects": "image"},
        kinds=KINDS,
        bounding_boxes=BoundingBoxOptions(min_visible=0.0),
        pairing="roll",
    )
    given = instance_masks().repeat(factor, axis=2).repeat(factor, axis=3)
    x = {"image": numbered(), "sound": np.zeros((SIZE, 9), "float32")}
    mixed, found = layer(x, {"objects": given}, seed=seed_of())
    sample = origin(mixed["image"]).sample[:, None].repeat(factor, axis=2).repeat(factor, axis=3)
    own = np.arange(SIZE).reshape(-1, 1, 1, 1)
    partner = (own + 1) % SIZE
    right = [
        np.where(sample == own, given, 0),
        np.where(sample == partner, np.roll(given, -1, 0), 0),
    ]
    np.testing.assert_array_equal(found["objects"], np.concatenate(right, axis=1))


def test_the_shape_that_comes_out_is_known():
    layer = RICAP(kinds={"y": "instance_masks"})
    shapes = layer.compute_output_shape((None, 8, 9, 3), (None, COUNT, 8, 9))
    assert shapes == ((None, 8, 9, 3), (None, 4 * COUNT, 8, 9))


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (instance_masks()[:, 0], r"give masks \(B, H, W\) an axis of objects"),
        (instance_masks(dtype="float32"), "Cast floats to uint8 or bool"),
        (instance_masks()[..., 1:], r"must have the size \(14, 17\) of `x`"),
        (np.moveaxis(instance_masks(), 1, -1), r"transpose \(B, H, W, N\) to \(B, N, H, W\)"),
    ],
    ids=["one mask", "floats", "another size", "objects last"],
)
def test_what_is_no_instance_mask_is_refused(value, sentence):
    with pytest.raises(ValueError, match=sentence):
        CutMix(kinds={"y": "instance_masks"})(numbered(), value)


def test_sizes_that_are_unknown_are_compared_as_the_graph_runs():
    layer = CutMix(kinds={"y": "instance_masks"}, jit_compile=False)
    signature = [tf.TensorSpec([None] * 3 + [1]), tf.TensorSpec([None] * 4, tf.uint8)]
    call = tf.function(lambda x, y: layer(x, y), input_signature=signature)
    with pytest.raises(tf.errors.InvalidArgumentError, match="`y` must have the size of `x`"):
        call(numbered(), instance_masks()[..., 1:])


@pytest.mark.parametrize(
    ("make", "x", "sentence"),
    [
        (lambda **k: CutMix(spatial_dims=1, **k), numbered()[..., 0], "belongs to images"),
        (
            lambda **k: CrossModalMix(cuts={"x": CutMix()}, **k),
            numbered(),
            "be cut together with it",
        ),
    ],
    ids=["time", "beside a cut image"],
)
def test_masks_that_cannot_follow_are_refused(make, x, sentence):
    with pytest.raises(ValueError, match=sentence):
        make(kinds={"y": "instance_masks"})(x, instance_masks())


@pytest.mark.parametrize("options", [{}, {"soft_masks": True, "num_classes": 30}])
def test_unnamed_masks_of_several_objects_or_classes_are_refused(options):
    """As masks of classes, those of two samples' objects would be mixed into each other."""
    with pytest.raises(
        ValueError, match=r'kinds=\{"masks": "instance_masks"\}; or, for masks of cl'
    ):
        CutMix(**options)(numbered(), {"masks": instance_masks()})


def test_masks_that_can_only_be_of_classes_need_no_name():
    images, masks = numbered(), np.zeros((SIZE, COUNT, HEIGHT, WIDTH), "uint8")
    for x, y in (
        (images, masks[:, :1]),
        (images, np.moveaxis(masks, 1, -1)),
        (np.stack([images] * COUNT, axis=1), masks),
    ):
        assert CutMix()(x, y)[1].shape == y.shape
    named = CutMix(kinds={"y": "segmentation_masks"}, pairing="roll")
    mixed, found = named(images, instance_masks(), seed=seed_of())
    own = origin(mixed).sample == np.arange(SIZE)[:, None, None]
    partner = np.roll(instance_masks(), -1, axis=0)
    np.testing.assert_array_equal(found, np.where(own[:, None], instance_masks(), partner))
    assert CutMix()({"images": images, "segmentation_masks": masks})["images"].shape == images.shape
    np.testing.assert_array_equal(Cutout()(images, instance_masks())[1], instance_masks())


def test_a_mixer_that_blends_names_the_kind_of_masks_of_objects():
    with pytest.raises(ValueError, match=r'cannot be blended.*kinds=\{"y": "instance_masks"\}'):
        MixUp()(numbered(), instance_masks())


def test_advice_names_the_kind():
    with pytest.raises(ValueError, match='"masks": "instance_masks"'):
        CutMix()({"images": numbered(), "masks": instance_masks()})


def around(mask):
    """left, top, right, bottom of what is nonzero in a mask, or None."""
    ys, xs = np.nonzero(mask)
    return (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1) if len(ys) else None


@pytest.mark.parametrize("name", checks.BOX_FORMATS)
@pytest.mark.parametrize("graph", [False, True])
def test_boxes_lie_around_masks(name, graph):
    given = instance_masks()
    call = tf.function(boxes_from_masks) if graph else boxes_from_masks
    found = call(tf.constant(given), format=name)
    pixels = keras.utils.bounding_boxes.convert_format(found["boxes"], name, "xyxy", HEIGHT, WIDTH)
    for i, n in np.ndindex(SIZE, COUNT):
        right = around(given[i, n])
        if right is None:
            np.testing.assert_array_equal(found["boxes"][i, n], [-1] * 4)
            assert found["labels"][i, n] == -1
        else:
            np.testing.assert_allclose(pixels[i, n], right, atol=1e-4)
            assert found["labels"][i, n] == given[i, n].max()


def test_boxes_of_mixed_masks_lie_in_mixed_boxes():
    """A mixed box is cropped without knowing the shape in it."""
    given = instance_masks()
    whole = boxes_from_masks(given)
    layer = CutMix(
        8.0, kinds=KINDS, bounding_boxes=BoundingBoxOptions("xyxy", min_visible=0.0), pairing="roll"
    )
    _, found = layer(numbered(), {"objects": given, "boxes": whole}, seed=seed_of())
    exact = boxes_from_masks(found["objects"])
    cropped = found["boxes"]
    for i in range(SIZE):
        boxes = dict(zip(cropped["labels"][i].numpy(), cropped["boxes"][i].numpy(), strict=True))
        for label, (left, top, right, bottom) in zip(
            exact["labels"][i].numpy(), exact["boxes"][i].numpy(), strict=True
        ):
            if label != -1:
                outer = boxes[label]
                assert (outer[:2] <= [left, top]).all()
                assert (outer[2:] >= [right, bottom]).all()


@pytest.mark.parametrize("masks", [np.zeros((2, 0, 4, 4), bool), np.zeros((0, 3, 4, 4), "uint8")])
def test_no_masks_have_no_boxes(masks):
    found = boxes_from_masks(masks)
    assert found["boxes"].shape == (*masks.shape[:2], 4)
    assert found["labels"].dtype == tf.int32


@pytest.mark.parametrize(
    ("masks", "format", "sentence"),
    [
        (instance_masks()[0], "xyxy", r"`masks` must be integers or booleans \(B, N, H, W\)"),
        (instance_masks(dtype="float32"), "xyxy", "must be integers or booleans"),
        (instance_masks(), "corners", "must be one of"),
    ],
)
def test_boxes_of_what_are_no_masks_are_refused(masks, format, sentence):
    with pytest.raises(ValueError, match=sentence):
        boxes_from_masks(masks, format=format)


def test_filled_pixels_show_no_object():
    given = np.ones((4, 1, HEIGHT, WIDTH), bool)
    layer = Cutout(0.5, fill_value=-1, kinds=KINDS)
    mixed, found = layer(numbered(4), {"objects": given}, seed=seed_of())
    np.testing.assert_array_equal(found["objects"][:, 0], origin(mixed).sample != -1)


@pytest.mark.parametrize("mixer", [MixUp, Mosaic])
def test_min_visible_without_effect_is_refused(mixer):
    with pytest.raises(ValueError, match=r"`min_visible` has no effect.*hides no part"):
        mixer(kinds=KINDS, bounding_boxes=BoundingBoxOptions(min_visible=0.3))


def test_a_mixer_that_hides_nothing_drops_no_object():
    """At half the size, one of the object's 193 pixels is read."""
    given = np.ones((4, 1, 16, 16), bool)
    given[:, :, 1::2, 1::2] = False
    given[:, :, 7, 7] = True
    layer = Mosaic(offset=(0.5, 0.5), kinds=KINDS, pairing="roll")
    _, found = layer(np.zeros((4, 16, 16, 1), "float32"), {"objects": given}, seed=seed_of())
    np.testing.assert_array_equal(np.sum(found["objects"], axis=(2, 3)), np.ones((4, 4)))
