"""Keypoints: they follow the pixel that they lie in, and vanish with it."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from contract import MIXERS, membership_images, seed_of
from objects import (
    HEIGHT,
    NONE,
    OF_OBJECTS,
    SIZE,
    WIDTH,
    every_pasting,
    every_resizing,
    keypoints,
    numbered,
    origin,
    shown_keypoints,
    sources_and_weights,
)

import keras_mix
from keras_mix import layers
from keras_mix.layers import (
    BoundingBoxOptions,
    CrossModalMix,
    CutMix,
    Cutout,
    MixUp,
    Mosaic,
    SmoothMix,
)
from keras_mix.models import ManifoldMixup, MixingModel

COUNT = keypoints().shape[1]
KINDS = {"points": "keypoints", "flagged": "keypoints"}


def batch(given=None):
    given = keypoints() if given is None else given
    return {"points": given[..., :2], "flagged": given}


def with_ids(given):
    return {**batch(given), "id": np.arange(len(given))}


def expected(seen, sources, weights, given):
    """`(B, S · N, 3)`, by a loop over all keypoints of all sources.

    Args:
        seen: An `Origin`.
        sources: `(B, S)`, as `objects.sources_and_weights` gives them.
        weights: `(B, S)`.
        given: `(B, N, 3)`.
    """
    size, number = sources.shape
    found = np.tile(np.float64(NONE), (size, number * given.shape[1], 1))
    for i, s, n in np.ndindex(size, number, given.shape[1]):
        x, y, flag = given[sources[i, s], n].astype("float64")
        here = (seen.sample[i] == sources[i, s]) & (seen.row[i] == np.floor(y))
        ys, xs = np.nonzero(here & (seen.column[i] == np.floor(x)))
        if flag > 0 and weights[i, s] > 0 and len(ys):
            moved = xs[0] + x - np.floor(x), ys[0] + y - np.floor(y)
            found[i, s * given.shape[1] + n] = *moved, flag
    return found


@every_pasting
@pytest.mark.parametrize("per", ["sample", "batch"])
def test_keypoints_are_where_their_pixel_is(make, per):
    layer = make(kinds=KINDS, per=per, label_mode="pairs")
    given = keypoints()
    mixed, found = layer(numbered(), with_ids(given), seed=seed_of())
    right = expected(origin(mixed), *sources_and_weights(found["id"]), given)
    assert (right[..., 2] > 0).any()
    assert (right[..., 2] == 0).any()
    np.testing.assert_allclose(found["flagged"], right, rtol=0, atol=1e-5)
    np.testing.assert_allclose(found["points"], right[..., :2], rtol=0, atol=1e-5)


@every_resizing
def test_keypoints_are_where_the_resized_pixels_are(make):
    """Each pixel of a map of coordinates shows, interpolated, the point that it was read from."""
    layer, given = make(kinds=KINDS, label_mode="pairs"), keypoints(margin=3)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    maps = np.stack([np.stack([columns, rows, np.full_like(rows, j)], -1) for j in range(SIZE)])
    mixed, y = layer(maps.astype("float32"), with_ids(given), seed=seed_of())
    mixed, found = mixed.numpy(), y["flagged"].numpy()
    sources, weights = sources_and_weights(y["id"])
    shown = 0
    for i, s, n in np.ndindex(*sources.shape, COUNT - 1):
        j, row = sources[i, s], found[i, s * COUNT + n]
        here = np.round(mixed[i, ..., 2]) == j
        step = [
            max(
                np.diff(mixed[i, ..., a], axis=1 - a)[here[:, 1:] if a == 0 else here[1:]],
                default=0,
            )
            for a in (0, 1)
        ]
        away = np.abs(mixed[i, ..., :2] - given[j, n, :2]) / np.maximum(step, 1e-9)
        away = np.where(here & (weights[i, s] > 0), away.max(axis=-1), np.inf)
        if row[2]:
            x, y = np.floor(row[:2]).astype(int)
            assert row[2] == given[j, n, 2]
            assert away[y, x] <= 0.5 + 1e-3
            centre = mixed[i, y, x, :2]
            exact = centre + (row[:2] - [x + 0.5, y + 0.5]) * step
            np.testing.assert_allclose(exact, given[j, n, :2], atol=1e-3)
            shown += 1
        else:
            np.testing.assert_array_equal(row, NONE)
            assert away.min() >= 0.5 - 1e-3
    assert shown > SIZE


@pytest.mark.parametrize("make", [CutMix, Mosaic, MixUp])
@pytest.mark.parametrize("entries", [2, 3])
def test_keypoints_of_objects_are_those_of_a_list(make, entries):
    """`(B, N, K, 3)`, as COCO has them, in a graph that knows no N."""
    given = keypoints(count=6)[..., :entries]
    layer = make(kinds={"y": "keypoints"})
    _, flat = layer(numbered(), given, seed=seed_of())
    unknown = tf.TensorSpec([None, None, 3, entries])
    graph = tf.function(lambda x, y: layer(x, y, seed=seed_of()), autograph=False)
    graph = graph.get_concrete_function(tf.TensorSpec(numbered().shape, numbered().dtype), unknown)
    _, found = graph(tf.constant(numbered()), tf.constant(given.reshape(SIZE, 2, 3, entries)))
    assert found.shape == (SIZE, 2 * layer.num_sources, 3, entries)
    np.testing.assert_array_equal(found, np.reshape(flat, found.shape))


def test_blended_keypoints_of_both_sources_stay():
    layer, given = MixUp(8.0, kinds=KINDS, pairing="roll"), keypoints()
    _, found = layer(numbered(), batch(given), seed=seed_of())
    both = np.concatenate([given, np.roll(given, -1, axis=0)], axis=1)
    np.testing.assert_array_equal(found["flagged"], both)
    np.testing.assert_array_equal(found["points"], both[..., :2])


def test_keypoints_of_three_blended_sources_stay():
    layer, given = MixUp(8.0, sources=3, kinds=KINDS, pairing="roll"), keypoints()
    _, found = layer(numbered(), batch(given), seed=seed_of())
    rolled = [np.roll(given, -shift, axis=0) for shift in range(3)]
    np.testing.assert_array_equal(found["flagged"], np.concatenate(rolled, axis=1))


def test_keypoints_of_no_weight_are_gone():
    _, found = MixUp(0, kinds=KINDS)(numbered(), batch(), seed=seed_of())
    np.testing.assert_array_equal(found["flagged"][:, :COUNT], keypoints())
    np.testing.assert_array_equal(found["flagged"][:, COUNT:], np.tile(NONE, (SIZE, COUNT, 1)))


@pytest.mark.parametrize("least", [0.0, 0.1, 0.5, 1.0])
def test_under_a_soft_region_a_pixel_must_be_covered_enough(least):
    layer = SmoothMix(
        sigma=(0.3, 0.6),
        kinds=KINDS,
        bounding_boxes=BoundingBoxOptions(min_visible=least),
        pairing="roll",
    )
    given = keypoints()
    mixed, found = layer(membership_images(SIZE, HEIGHT, WIDTH), batch(given), seed=seed_of())
    for i, s in np.ndindex(SIZE, 2):
        j = (i + s) % SIZE
        right = shown_keypoints(given[j], mixed[i, ..., j].numpy(), least)
        np.testing.assert_array_equal(found["flagged"][i, s * COUNT : (s + 1) * COUNT], right)


@pytest.mark.parametrize("mixer", [CutMix, MixUp])
def test_a_sample_mixed_with_itself_has_each_keypoint_once(mixer):
    layer = mixer(8.0, kinds=KINDS, pairing="reverse")
    given = keypoints()[:5]
    _, found = layer(numbered(5), batch(given), seed=seed_of())
    np.testing.assert_array_equal(found["flagged"][2, :COUNT], given[2])
    np.testing.assert_array_equal(found["flagged"][2, COUNT:], np.tile(NONE, (COUNT, 1)))


@pytest.mark.parametrize("graph", [False, True], ids=["eager", "graph"])
def test_a_sample_drawn_as_several_partners_has_each_keypoint_once(graph):
    layer = MixUp(8.0, sources=3, kinds=KINDS, pairing="reverse", label_mode="pairs")
    given = keypoints()
    call = tf.function(layer, autograph=False) if graph else layer
    _, found = call(numbered(), with_ids(given), seed=seed_of())
    sources, weights = sources_and_weights(found["id"])
    assert (weights > 0).all()
    assert any(len(set(row)) < 3 for row in sources)
    for flags, row in zip(found["flagged"][..., 2].numpy(), sources, strict=True):
        assert sorted(flags[flags > 0]) == sorted(given[list(set(row)), :-1, 2].ravel())


def rough(dtype="float64"):
    """Keypoints with numbers that a narrower dtype rounds, some outside of the image."""
    given = keypoints().astype(dtype) * (1 + 1e-9)
    given[0, 0, :2] = 99.123456789, 3.1
    given[1, 1, :2] = -2.5, 3.1
    return given


@pytest.mark.parametrize("name", OF_OBJECTS)
@pytest.mark.parametrize("training", [True, False])
def test_unmixed_keypoints_keep_every_bit(name, training):
    row, given = MIXERS[name], rough()
    layer = row.make(kinds=KINDS, **row.strong | {"rate": 0})
    _, found = layer(numbered(), batch(given), seed=seed_of(), training=training)
    for part, whole in (("points", given[..., :2]), ("flagged", given)):
        assert found[part].shape == (SIZE, COUNT * row.sources, whole.shape[-1])
        assert found[part].dtype == tf.float64
        np.testing.assert_array_equal(found[part][:, :COUNT], whole)
        rest = found[part][:, COUNT:].numpy()
        assert (rest == NONE[: whole.shape[-1]]).all()


def test_keypoints_in_place_keep_every_bit():
    given = rough()
    mixed, found = CutMix(8.0, kinds=KINDS)(numbered(), batch(given), seed=seed_of())
    seen = found["flagged"][:, :COUNT].numpy()
    shown = (seen[..., 2] > 0) & (origin(mixed).sample != np.arange(SIZE)[:, None, None]).any(
        (1, 2)
    )[:, None]
    assert shown.any()
    np.testing.assert_array_equal(seen[shown], given[shown])


def test_keypoints_outside_a_mixed_image_are_gone():
    given = np.tile(
        np.float32([[[30.0, 3.0, 1.0], [-0.5, 3.0, 1.0], [3.0, HEIGHT, 1.0]]]), (4, 1, 1)
    )
    _, found = CutMix(8.0, kinds=KINDS, pairing="roll")(numbered(4), batch(given), seed=seed_of())
    np.testing.assert_array_equal(found["flagged"], np.tile(NONE, (4, 6, 1)))


def test_rows_that_are_no_keypoint_stay():
    given = np.zeros((4, 2, 3), "float32")
    given[:, 0, :2], given[:, 1, :2] = np.nan, 5.5
    _, found = Mosaic(kinds=KINDS, pairing="roll")(numbered(4), batch(given), seed=seed_of())
    np.testing.assert_array_equal(found["flagged"], np.tile(given, (1, 4, 1)))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("mixer", [CutMix, layers.RICAP, layers.ResizeMix])
def test_dtypes_stay(dtype, mixer):
    layer = mixer(kinds=KINDS, pairing="roll", dtype="mixed_float16")
    given = tf.cast(keypoints(), dtype)
    _, found = layer(numbered(), batch(given), seed=seed_of())
    _, right = layer(numbered(), batch(tf.cast(given, "float32")), seed=seed_of())
    assert found["flagged"].dtype == dtype
    tolerance = {"bfloat16": 0.07, "float16": 0.01}.get(dtype, 1e-5)
    np.testing.assert_allclose(
        tf.cast(found["flagged"], "float32"), right["flagged"], rtol=0, atol=tolerance
    )


@pytest.mark.parametrize("name", ["CutMix", "RICAP"])
def test_partners_from_a_second_batch(name):
    layer = MIXERS[name].make(kinds=KINDS, alpha=8.0, pairing="roll")
    given, others = keypoints(), keypoints(seed=1)
    others[..., 2] += 100 * (others[..., 2] > 0)
    second = numbered(first=SIZE), batch(others)
    mixed, found = layer(numbered(), batch(given), partners=second, seed=seed_of())
    seen, both = origin(mixed), np.concatenate([given, others])
    visible = [set(found["flagged"][i, :, 2].numpy()) - {0.0} for i in range(SIZE)]
    for i in range(SIZE):
        right = set()
        for j in range(2 * SIZE):
            for x, y, flag in both[j]:
                here = (seen.row[i] == np.floor(y)) & (seen.column[i] == np.floor(x))
                if flag and (here & (seen.sample[i] == j)).any():
                    right.add(flag)
        assert visible[i] == right
    assert any(flag > 100 for flags in visible for flag in flags)


def test_keypoints_follow_the_image_of_several_modalities():
    layer = CrossModalMix(
        8.0,
        cuts={"image": CutMix(), "points": "image", "flagged": "image"},
        kinds=KINDS,
        pairing="roll",
    )
    given, x = keypoints(), {"image": numbered(), "sound": np.zeros((SIZE, 9), "float32")}
    mixed, found = layer(x, batch(given), seed=seed_of())
    sources = np.stack([np.arange(SIZE), np.roll(np.arange(SIZE), -1)], axis=1)
    right = expected(origin(mixed["image"]), sources, np.ones((SIZE, 2)), given)
    np.testing.assert_allclose(found["flagged"], right, rtol=0, atol=1e-5)


def test_keypoints_by_a_key_of_their_own_and_left_as_they_are():
    given = keypoints()
    batch_of_keras = {
        "images": numbered(),
        "labels": np.eye(SIZE, dtype="float32"),
        "points": given,
    }
    mixed = CutMix(kinds={"points": "keypoints"}, passthrough=[])(batch_of_keras, seed=seed_of())
    assert mixed["points"].shape == (SIZE, 2 * COUNT, 3)
    left = CutMix(passthrough=["points"])(batch_of_keras, seed=seed_of())
    np.testing.assert_array_equal(left["points"], given)


def test_the_shape_that_comes_out_is_known():
    layer = layers.RICAP(kinds={"y": "keypoints"})
    shapes = layer.compute_output_shape((None, HEIGHT, WIDTH, 3), (None, COUNT, 2))
    assert shapes == ((None, HEIGHT, WIDTH, 3), (None, 4 * COUNT, 2))


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (keypoints()[..., :1], r"`y` must be floats \(B, N, 2\) or \(B, N, 3\)"),
        (keypoints()[..., 0], r"reshape \(B, 2 · N\) to \(B, N, 2\)"),
        (keypoints().astype("int32"), "Cast integers to float32"),
    ],
    ids=["one number", "a row", "integers"],
)
def test_what_is_no_keypoint_is_refused(value, sentence):
    with pytest.raises(ValueError, match=sentence):
        CutMix(kinds={"y": "keypoints"})(numbered(), value)


@pytest.mark.parametrize("mixer", [CutMix, MixUp, Mosaic])
def test_keypoints_that_are_not_finite(mixer):
    layer, plain = mixer(kinds=KINDS, pairing="roll"), keypoints()
    gone = plain.copy()
    gone[:, 0] = np.nan, np.nan, 0
    given = {**batch(gone), "id": np.eye(SIZE)}
    expected = layer(numbered(), {**batch(plain), "id": np.eye(SIZE)}, seed=seed_of())[1]
    _, found = layer(numbered(), given, seed=seed_of())
    for name in KINDS:
        # Missing: as they are, or as is written for those of a source that is not shown.
        missing = found[name].numpy()[:, ::COUNT, :2]
        assert (np.isnan(missing) | (missing == -1)).all()
        others = np.arange(found[name].shape[1]) % COUNT > 0
        np.testing.assert_array_equal(
            found[name].numpy()[:, others], expected[name].numpy()[:, others]
        )
    for value in (np.nan, np.inf):
        wrong = plain.copy()
        wrong[2, 1] = value, 3, 2
        sentence = "`y` must hold finite coordinates of keypoints that exist"
        layer = mixer(kinds={"y": "keypoints"})
        with pytest.raises(ValueError, match=f"{sentence}. Received: NaN or an inf.* Mark missing"):
            layer(numbered(), wrong)
        with pytest.raises(tf.errors.InvalidArgumentError, match=sentence):
            tf.function(layer)(numbered(), tf.constant(wrong))


@pytest.mark.parametrize(
    ("make", "x", "sentence"),
    [
        (lambda **k: CutMix(spatial_dims=1, **k), numbered()[..., 0], "belongs to images"),
        (
            lambda **k: CrossModalMix(cuts={"x": CutMix()}, **k),
            numbered(),
            "be cut together with it",
        ),
        (
            lambda **k: CrossModalMix(cuts={"x": CutMix(), "y": CutMix()}, **k),
            numbered(),
            "Name the image",
        ),
        (lambda **k: Cutout(**k, label_smoothing=0.1), numbered(), "needs a label"),
    ],
    ids=["time", "beside a cut image", "cut by itself", "smoothed"],
)
def test_keypoints_that_cannot_follow_are_refused(make, x, sentence):
    with pytest.raises(ValueError, match=sentence):
        make(kinds={"y": "keypoints"})(x, keypoints())


@pytest.mark.parametrize(
    ("y", "sentence"),
    [
        (keypoints(), r'kinds=\{"y": "keypoints"\}'),
        (
            {"landmarks": keypoints()[..., 0]},
            r"Reshape keypoints.*kinds=\{\"landmarks\": \"keypoints",
        ),
    ],
    ids=["by shape", "by name"],
)
def test_advice_names_the_kind(y, sentence):
    with pytest.raises(ValueError, match=sentence):
        CutMix()(numbered(), y)


def test_advice_names_the_kind_of_a_key():
    with pytest.raises(ValueError, match='"landmarks": "keypoints"'):
        CutMix()({"images": numbered(), "landmarks": keypoints()})


def test_keypoints_train_in_a_dataset():
    dataset = tf.data.Dataset.from_tensor_slices((numbered(), batch())).batch(3)
    mixed = keras_mix.data.mix(dataset, CutMix(kinds=KINDS), seed=1)
    assert [y["points"].shape for _, y in mixed] == [(3, 2 * COUNT, 2)] * 2


@pytest.mark.parametrize(
    ("mixer", "reason"),
    [(MixUp, "hides no part"), (Mosaic, "hides no part"), (CutMix, "all of a keypoint or nothing")],
)
def test_min_visible_without_effect_is_refused(mixer, reason):
    with pytest.raises(ValueError, match=f"`min_visible` has no effect.*{reason}"):
        mixer(kinds={"y": "keypoints"}, bounding_boxes=BoundingBoxOptions(min_visible=0.3))


@pytest.mark.parametrize("kind", ["keypoints", "instance_masks"])
@pytest.mark.parametrize(
    "make",
    [
        lambda model, kinds: MixingModel(model, kinds=kinds),
        lambda model, kinds: MixingModel(model, mixer=CutMix(kinds=kinds)),
        lambda model, kinds: ManifoldMixup(model, kinds=kinds),
    ],
    ids=["by the model", "by its mixer", "ManifoldMixup"],
)
def test_a_model_refuses_them_as_targets(make, kind):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    with pytest.raises(ValueError, match=f"{kind} can only be mixed in the dataset"):
        make(model, {"y": kind})
