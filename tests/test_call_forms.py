"""What a mixer may be called with, and the words about what it may not."""

from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from keras_mix import data, layers
from keras_mix.layers import CutMix, MixUp, Mosaic

N = 8
IMAGES = np.broadcast_to(np.arange(N, dtype="float32").reshape(-1, 1, 1, 1), (N, 6, 5, 3))
IDS = np.arange(N)
ONE_HOT = np.eye(N, dtype="float32")
SEED = tf.constant([1, 2])
TENSOR = tf.convert_to_tensor
LIST = IDS.tolist()


def same(found, expected):
    for one, other in zip(tf.nest.flatten(found), tf.nest.flatten(expected), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("images", [IMAGES, TENSOR(IMAGES)], ids=["array", "tensor"])
@pytest.mark.parametrize("ids", [IDS, TENSOR(IDS), LIST], ids=["array", "tensor", "list"])
def test_arrays_tensors_and_lists_stand_beside_each_other(images, ids):
    layer = CutMix(num_classes=N)
    x, y = expected = layer(IMAGES, IDS, seed=SEED)
    same(layer((images, ids), seed=SEED), expected)
    same(layer(images, ids, seed=SEED), expected)
    same(layer(images, {"a": ids, "b": {"c": TENSOR(IDS)}}, seed=SEED), (x, y, y))
    found = layer({"images": images, "labels": ids}, seed=SEED)
    same((found["images"], found["labels"]), expected)
    weights = [1.0] * N
    same(layer((images, ids, weights), seed=SEED), (x, y, np.ones(N)))
    same(
        layer((images, ids), partners=(TENSOR(IMAGES), ids), seed=SEED),
        layer(IMAGES, IDS, partners=(IMAGES, IDS), seed=SEED),
    )


def test_keys_of_several_types_are_refused():
    with pytest.raises(ValueError, match="`x` must have keys of one type"):
        MixUp()({1: IMAGES, "b": IMAGES}, ONE_HOT)


def test_rows_of_numbers_are_one_input():
    rows = [[float(i), i + 0.5] for i in range(N)]
    assert MixUp()(rows).shape == (N, 2)


@pytest.mark.parametrize("beside", [IMAGES, TENSOR(IMAGES)], ids=["array", "tensor"])
@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (None, "`y` must be a tensor. Received: None"),
        (np.array([{}] * N), "`y` must be a tensor, or an array of one dtype"),
        (object(), "`y` must be a tensor, or an array of one dtype. Received: .*object"),
        (
            tf.data.Dataset.range(N),
            r"`y` must be a tensor.*Dataset. Mix a dataset by dataset.map\(layer\)",
        ),
        ("label", "`y` has dtype string, which cannot be mixed"),
        (tf.ragged.constant([[1]] * N), "`y` must be a dense tensor"),
    ],
    ids=["None", "objects", "an object", "a dataset", "a string", "ragged"],
)
def test_what_is_no_tensor_is_named(beside, value, sentence):
    with pytest.raises(ValueError, match=rf"^MixUp: {sentence}"):
        MixUp()((beside, value))


@pytest.mark.parametrize("value", [None, tf.ragged.constant([[1]] * N), np.array(["a"] * N)])
def test_what_is_no_tensor_may_pass(value):
    _, (passed, labels) = MixUp(passthrough=["y/0"])(IMAGES, [value, ONE_HOT])
    assert labels.shape == (N, N)
    assert passed is value or passed.shape[0] == N


# The way out that a message names.


def advised(layer, batch):
    """The options that the message about a batch names."""
    with pytest.raises(ValueError, match="kinds=") as caught:
        layer(batch)
    text = str(caught.value)
    found = {}
    for option, end in (("kinds", "}"), ("passthrough", "]")):
        _, _, rest = text.partition(f"{option}=")
        if rest:
            found[option] = eval(rest[: rest.index(end) + 1], {})
    return found


@pytest.mark.parametrize("dtype", ["uint16", "int16", "int32"])
@pytest.mark.parametrize("make", [MixUp, CutMix])
def test_images_of_other_integers_are_told_their_kind(make, dtype):
    images = IMAGES.astype(dtype)
    options = {"kinds": advised(make(), images)["kinds"]}
    assert options == {"kinds": {"x": "images"}}
    expected = make()(IMAGES, ONE_HOT, seed=SEED)
    found = make(**options)(images, ONE_HOT, seed=SEED)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_a_padding_mask_is_told_its_kind():
    batch = {"text": IMAGES[:, :, 0], "mask": np.ones((N, 6), bool)}
    advice = advised(MixUp(), (batch, ONE_HOT))
    assert advice["kinds"] == {"x/mask": "masks"}
    MixUp(kinds=advice["kinds"])(batch, ONE_HOT)


TFDS = {
    "classification": {"image": IMAGES.astype("uint8"), "label": IDS},
    "with an id": {"image": IMAGES.astype("uint8"), "label": IDS, "id": np.array(["a"] * N)},
    "segmentation": {"image": IMAGES, "segmentation_mask": IMAGES[..., 0].astype("uint8")},
    "volumes": {"scan": np.ones((N, 4, 4, 4, 1), "float32"), "diagnosis": IDS},
}


@pytest.mark.parametrize("batch", TFDS.values(), ids=TFDS)
def test_the_advice_for_unknown_keys_works(batch):
    options = advised(CutMix(num_classes=N), batch)
    if "id" not in batch:
        options.pop("passthrough")
    found = CutMix(num_classes=N, **options)(batch)
    assert set(found) == set(batch)


@pytest.mark.parametrize(("dims", "sizes"), [(2, (4, 4)), (2, (3, 4, 4)), (3, (4, 4, 4))])
@pytest.mark.parametrize("dtype", ["int32", "uint8", "bool"])
def test_masks_of_volumes_are_targets(dims, sizes, dtype):
    images = np.broadcast_to(IDS.reshape(-1, *[1] * (dims + len(sizes) - dims)), (N, *sizes))
    layer = CutMix(spatial_dims=dims)
    x, masks = layer(images[..., None].astype("float32"), (images % 2).astype(dtype), seed=SEED)
    np.testing.assert_array_equal(masks, (x[..., 0].numpy() % 2).astype(dtype))


def test_masks_of_volumes_are_not_blended():
    with pytest.raises(ValueError, match="class ids of pixels, which cannot be blended"):
        layers.MixUp()(IMAGES, np.zeros((N, 4, 4, 4), int))


def test_more_than_labels_and_weights_beside_the_inputs_is_refused():
    whole = (IMAGES, ONE_HOT, np.ones(N, "float32"), ONE_HOT)
    with pytest.raises(ValueError, match=r"x, \(x, y\) or \(x, y, sample_weight\)\. Received: 4 a"):
        tf.data.Dataset.from_tensors(whole).map(MixUp())


def test_booleans_may_be_named_images():
    with pytest.raises(ValueError, match=r'kinds=\{"x": "images"\}'):
        CutMix()(IMAGES > 3, ONE_HOT)
    x, y = CutMix(kinds={"x": "images"})(IMAGES > 3, ONE_HOT, seed=SEED)
    assert x.dtype == tf.bool
    np.testing.assert_allclose(
        tf.reduce_mean(tf.cast(x, tf.float32), [1, 2, 3]), tf.reduce_sum(y[:, 4:], 1), atol=1e-6
    )


def test_none_in_the_place_of_weights():
    images, labels = np.random.default_rng(0).random((4, 6, 5, 3), np.float32), np.eye(4)
    mix, seed = CutMix(), 1
    mixed = mix((images, labels, None), seed=seed)
    plain = mix((images, labels), seed=seed)
    assert len(mixed) == 3
    assert mixed[2] is None
    for found, expected in zip(mixed[:2], plain, strict=True):
        np.testing.assert_array_equal(found, expected)


class Batch(NamedTuple):
    """A batch with named entries."""

    x: object
    y: object
    weight: object = None


@pytest.mark.parametrize("make", [CutMix, MixUp, Mosaic])
@pytest.mark.parametrize("weights", [None, IDS.astype("float32")], ids=["none", "weights"])
def test_a_named_tuple_stays_one(make, weights):
    layer = make(num_classes=N)
    batch, given = Batch(IMAGES, IDS, weights), [IMAGES, IDS] + [weights] * (weights is not None)
    expected = layer(*given, seed=SEED)
    for call in (layer, tf.function(layer)):
        found = call(batch, seed=SEED)
        assert isinstance(found, Batch)
        np.testing.assert_array_equal(found.y, expected[1])
    if weights is not None:
        dataset = tf.data.Dataset.from_tensor_slices(batch).batch(N)
        for mixed in (dataset.map(layer), data.mix(dataset, layer)):
            assert isinstance(next(iter(mixed)), Batch)
            assert isinstance(mixed.element_spec, Batch)
    assert isinstance(layer(batch, training=False), Batch)


@pytest.mark.parametrize(
    "partners", [5, "paired", np.float32(1), tf.data.Dataset.range(3)], ids=str
)
def test_partners_that_are_no_batch(partners):
    with pytest.raises(ValueError, match=r"^MixUp: `partners` must be a second batch, .*data.mix"):
        MixUp(num_classes=N)(IMAGES, IDS, partners=partners)


def test_partners_take_the_forms_of_a_batch():
    layer = MixUp(num_classes=N)
    expected = layer(IMAGES, IDS, seed=SEED, partners=(IMAGES, IDS))
    same(layer(IMAGES, IDS, seed=SEED, partners=(IMAGES, IDS, None)), expected)
    with pytest.raises(ValueError, match=r"^MixUp: a tuple must be .* Received: 4 entries"):
        layer(IMAGES, IDS, partners=(IMAGES, IDS, IDS, IDS))
