"""The input that a region is drawn on, and the axes of the other leaves that it covers."""

import numpy as np
import pytest
import tensorflow as tf

from keras_mix import layers, pairings
from keras_mix._core.batch.region_grid import alignment
from keras_mix.label_rules import Remix
from keras_mix.layers import BetweenClass, CrossModalMix, CutMix, FMix, MixGen, MixUp, RandomChoice

N = 8
ONE_HOT = np.eye(N, dtype="float32")


def constants(*sizes, dtype="float32"):
    """Sample i is the constant i."""
    return np.broadcast_to(np.arange(N).reshape(-1, *[1] * len(sizes)), (N, *sizes)).astype(dtype)


def blended(labels, *sizes):
    """What constants become under the weights of one-hot labels."""
    means = np.asarray(labels, "float64") @ np.arange(N)
    return np.broadcast_to(means.reshape(-1, *[1] * len(sizes)), (N, *sizes))


def is_cut(leaf):
    """Whether every place is from one source, and some sample has several."""
    leaf = np.asarray(leaf, "float64").reshape(N, -1)
    return (leaf == np.round(leaf)).all() and (leaf != leaf[:, :1]).any()


def assert_counted(leaf, labels):
    """The labels are the counted shares of the places."""
    places = np.asarray(leaf).reshape(N, -1)
    shares = np.stack([(places == i).mean(axis=1) for i in range(N)], axis=1)
    np.testing.assert_allclose(labels, shares, atol=1e-6)


def in_graph(layer, *batch, unknown=()):
    """The layer's results in a graph in which sizes of leaves are unknown.

    Args:
        layer: The mixer.
        *batch: Its arguments.
        unknown: The names of dict entries, or positions, of which all sizes are unknown; of the
            others only the number of samples is.
    """

    def spec(path, value):
        hidden = path[-1] in unknown
        shape = [None] * value.ndim if hidden else [None, *value.shape[1:]]
        return tf.TensorSpec(shape, value.dtype)

    signature = [
        {name: spec((name,), value) for name, value in part.items()}
        if isinstance(part, dict)
        else spec((position,), part)
        for position, part in enumerate(batch)
    ]
    return tf.function(lambda *a: layer(*a), input_signature=signature, autograph=False)(*batch)


# Which input a region is drawn on.


@pytest.mark.parametrize("name", ["age", "zage"])
@pytest.mark.parametrize("other", [(1,), (5,), (7, 3)])
def test_a_line_is_cut_from_the_longest_input(name, other):
    x, labels = CutMix(spatial_dims=1, seed=1)(
        {name: constants(*other), "ecg": constants(100, 2)}, ONE_HOT
    )
    assert is_cut(x["ecg"])
    assert_counted(x["ecg"], labels)
    np.testing.assert_allclose(x[name], blended(labels, *other), atol=1e-5)


@pytest.mark.parametrize("make", [layers.SpecMix, layers.FMix, layers.SmoothMix])
def test_a_region_is_drawn_on_the_largest_of_the_inputs_without_channels(make):
    x, labels = make(seed=1)({"a": constants(5, 2), "spectrogram": constants(30, 12)}, ONE_HOT)
    np.testing.assert_allclose(x["spectrogram"].numpy().mean((1, 2)), blended(labels), atol=1e-4)
    np.testing.assert_allclose(x["a"], blended(labels, 5, 2), atol=1e-5)
    assert not np.allclose(x["spectrogram"], blended(labels, 30, 12))


def test_images_that_do_not_fit_the_largest_are_named():
    with pytest.raises(ValueError, match=r"`x/a` must have the size \(6, 6\) of `x/b`"):
        CutMix()({"a": constants(3, 3, 1), "b": constants(6, 6, 1)}, ONE_HOT)


def test_the_input_of_the_region_can_be_named():
    inputs = {"a": constants(5, 2), "spectrogram": constants(30, 12)}
    x, labels = layers.SpecMix(seed=1, main_input="a")(inputs, ONE_HOT)
    assert is_cut(x["a"])
    assert_counted(x["a"], labels)
    layer = CutMix(seed=1, main_input="x/a")
    assert layer.from_config(layer.get_config()).main_input == "x/a"
    x, labels = RandomChoice([CutMix()], seed=1, main_input="a")(inputs, ONE_HOT)
    assert_counted(x["a"], labels)


@pytest.mark.parametrize(
    ("layer", "inputs", "sentence"),
    [
        (CutMix(spatial_dims=1), {"a": (9, 2), "b": (9, 5)}, None),
        (layers.SpecMix(), {"a": (6, 4), "b": (4, 6)}, "must be named where several"),
        (layers.SpecMix(), {"a": (6, 4), "b": (6, 4), "c": (1, 24)}, None),
        (CutMix(main_input="c"), {"a": (6, 4), "b": (4, 6)}, "must name one of the leaves"),
        (MixUp(main_input="a"), {"a": (6, 4)}, "for a mixer that draws regions"),
        (BetweenClass(), {"a": (9, 2), "b": (3, 2)}, None),
    ],
)
def test_inputs_that_could_all_hold_the_region(layer, inputs, sentence):
    inputs = {name: constants(*sizes) for name, sizes in inputs.items()}
    if sentence is None:
        layer(inputs, ONE_HOT)
        return
    with pytest.raises(ValueError, match=sentence) as caught:
        layer(inputs, ONE_HOT)
    assert str(caught.value).count("Received: ") == 1


@pytest.mark.parametrize("name", ["ecg", "left/ecg", "x/left/ecg"])
def test_the_last_parts_of_a_name_refer_to_an_input(name):
    ones = np.ones((2, 9, 1), "float32")
    inputs = {"left": {"ecg": ones}, "age": ones[:, 0]}
    x, _ = CutMix(spatial_dims=1, main_input=name)(inputs, np.eye(2, dtype="float32"))
    assert x["left"]["ecg"].shape == (2, 9, 1)


def test_an_inner_mixer_names_no_input():
    with pytest.raises(ValueError, match="`main_input` belongs to the RandomChoice"):
        RandomChoice([CutMix(main_input="a")])


def test_boxes_on_images_of_two_sizes():
    boxes = {"boxes": np.tile(np.float32([1, 1, 5, 5]), (N, 2, 1)), "labels": np.zeros((N, 2))}
    x = {"a": constants(8, 8, 3), "b": constants(16, 16, 3)}
    with pytest.raises(ValueError, match="image that boxes lie on must be named"):
        MixUp(bounding_boxes="xyxy")(x, boxes)
    MixUp(bounding_boxes="xyxy", main_input="a")(x, boxes)


# Which target partners and weights go by.


@pytest.mark.parametrize(
    "make",
    [
        lambda **k: {"pairing": pairings.ByClass(**k)},
        lambda **k: {"pairing": pairings.ByLabel(**k)},
        lambda **k: {"label_rule": Remix([9, 1, 1, 1, 1, 1, 1, 1], tau=1, **k)},
    ],
    ids=["ByClass", "ByLabel", "Remix"],
)
def test_several_heads_need_a_name(make):
    heads = {"a": ONE_HOT, "b": ONE_HOT[::-1]}
    for target in ("b", "y/b"):
        MixUp(**make(target=target))(constants(3), heads)
    with pytest.raises(ValueError, match=r"`target` must name one of several.*beside y/a, y/b"):
        MixUp(**make())(constants(3), heads)
    with pytest.raises(ValueError, match="`target` must name one of the leaves"):
        MixUp(**make(target="c"))(constants(3), heads)


def test_the_named_head_decides():
    fine = np.arange(N) % 4
    heads = {"coarse": np.eye(2)[fine // 2], "fine": np.eye(4)[fine]}
    for target, classes in (("coarse", fine // 2), ("fine", fine)):
        layer = MixUp(pairing=pairings.ByClass("same", target=target), seed=1)
        mixed, _ = layer(np.eye(N, dtype="float32"), heads)
        same = classes[:, None] == classes[None]
        assert (mixed.numpy()[~same] == 0).all()
    assert repr(layer.pairing).endswith("target='fine')")


# The axes of the others.


@pytest.mark.parametrize(
    ("shape", "main", "grid_rank", "axes"),
    [
        ((8, 8, 8), (8, 8, 8, 1), 2, (2, 3)),
        ((8, 8, 8, 1), (8, 8, 8, 1), 2, (2, 3)),
        ((8, 8), (8, 8, 8, 1), 2, (1, 2)),
        ((8, 8, 8), (8, 8, 8, 1), 3, (1, 2, 3)),
        ((8, 8, 8, 8), (8, 8, 8, 8, 1), 3, (2, 3, 4)),
        ((8, 8), (8, 8, 1), 1, (1,)),
        ((8,), (8, 1), 1, (1,)),
        ((8, 8), (8, 1), 1, (1,)),
        ((8, 8, 8, 1), (8, 8, 8), 2, (1, 2)),
        ((8, 8, 3), (8, 8, 3), 2, (1, 2)),
        ((5, 8, 8, 3), (8, 8, 3), 2, (2, 3)),
        ((5, 8, 9), (8, 9, 3), 2, (2, 3)),
        ((8, 9), (5, 8, 9, 3), 2, (1, 2)),
        ((9, 8), (5, 8, 9, 3), 2, None),
    ],
)
def test_a_channel_axis_is_judged_beside_the_input_of_the_region(shape, main, grid_rank, axes):
    found = alignment(
        tf.TensorShape([4, *shape]), tf.TensorShape([4, *main]), grid_rank, "channels_last"
    )
    assert (found and found.axes) == axes
    unknown = tf.TensorShape([None] * (len(main) + 1))
    assert (
        axes is None
        or not alignment(tf.TensorShape([4, *shape]), unknown, grid_rank, "channels_last").known
    )


@pytest.mark.parametrize("make", [CutMix, layers.RICAP, layers.Mosaic])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_masks_of_cubes_are_cut_where_the_cubes_are(make, data_format):
    images = constants(8, 8, 8)
    images = images[..., None] if data_format == "channels_last" else images[:, None]
    layer = make(seed=1, data_format=data_format)
    mixed = layer({"images": images, "segmentation_masks": constants(8, 8, 8, dtype="int32")})
    found = np.squeeze(mixed["images"], -1 if data_format == "channels_last" else 1)
    assert is_cut(found)
    np.testing.assert_array_equal(found, mixed["segmentation_masks"])


@pytest.mark.parametrize(("spatial_dims", "sizes"), [(1, (8, 8)), (2, (8, 8, 8)), (3, (8, 8, 8))])
@pytest.mark.parametrize("column", [(), (1,)])
def test_masks_of_as_many_places_as_samples_of_any_rank(spatial_dims, sizes, column):
    mixed, masks = CutMix(spatial_dims=spatial_dims, seed=1)(
        constants(*sizes, 2), constants(*sizes, *column, dtype="int64")
    )
    np.testing.assert_array_equal(mixed[..., 0], np.reshape(masks, (N, *sizes)))


def test_labels_of_the_frames_of_a_video_are_blended_where_each_frame_is_cut_alike():
    video, frames = constants(8, 8, 8, 3), constants(8, 4)
    layer = CutMix(seed=1, kinds={"frames": "frame_labels"})
    x, y = layer(video, {"frames": frames, "values": frames, "clip": ONE_HOT})
    assert is_cut(x)
    for found in (y["frames"], y["values"]):
        np.testing.assert_allclose(found, blended(y["clip"], 8, 4), atol=1e-5)


@pytest.mark.parametrize("sizes", [(8, 8, 8), (8, 4, 4), (8, 8, 8, 1), (8, 4, 4, 1)], ids=str)
@pytest.mark.parametrize("cubes", [(8, 8, 8, 1), (8, 4, 4, 1)], ids=str)
def test_masks_follow_the_cubes_of_another_modality(sizes, cubes):
    inputs = {"image": constants(*cubes), "mask": constants(*sizes)}
    layer = CrossModalMix(cuts={"image": CutMix(), "mask": "image"}, seed=1, alpha=8.0)
    x, _ = layer(inputs, ONE_HOT)
    image, mask = x["image"].numpy()[..., 0], x["mask"].numpy().reshape(N, *sizes[:3])
    assert is_cut(mask)
    for frames in (image, mask):
        np.testing.assert_array_equal(frames, np.broadcast_to(frames[:, :1], frames.shape))
    if sizes[:3] == cubes[:3]:
        np.testing.assert_array_equal(mask, image)


def test_soft_masks_of_volumes():
    layer = CutMix(spatial_dims=3, seed=1, soft_masks=True, num_classes=N)
    x, masks = layer(constants(4, 4, 4, 1), constants(4, 4, 4, dtype="int32"))
    np.testing.assert_array_equal(np.argmax(masks, -1), x[..., 0])


# Sizes that are unknown until the graph runs.


@pytest.mark.parametrize("length", [1, 20])
def test_one_number_beside_sounds_of_unknown_length_stays_one(length):
    inputs = {"audio": constants(length), "meta": constants(1)}
    x, labels = in_graph(CutMix(spatial_dims=1, seed=1), inputs, ONE_HOT, unknown=["audio"])
    assert x["meta"].shape == (N, 1)
    np.testing.assert_allclose(x["meta"], blended(labels, 1), atol=1e-5)
    assert_counted(x["audio"], labels)


@pytest.mark.parametrize("make", [CutMix, layers.RICAP, layers.SmoothMix])
@pytest.mark.parametrize("sizes", [(5, 2), (6, 6)])
def test_an_input_beside_images_of_unknown_size_is_treated_as_eagerly(make, sizes):
    inputs, seed = {"image": constants(6, 6, 3), "points": constants(*sizes)}, tf.constant([1, 2])
    layer = make()
    expected = layer(inputs, ONE_HOT, seed=seed)
    found = in_graph(lambda x, y: layer(x, y, seed=seed), inputs, ONE_HOT, unknown=["image"])
    for one, other in zip(tf.nest.flatten(found), tf.nest.flatten(expected), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_an_input_of_the_region_among_unknown_sizes_must_be_named():
    inputs = {"a": constants(9, 2), "b": constants(9, 3)}
    with pytest.raises(ValueError, match=r"must be named.*unknown.*main_input=\"a\""):
        in_graph(CutMix(spatial_dims=1), inputs, ONE_HOT, unknown=["a"])
    layer = CutMix(spatial_dims=1, seed=1, main_input="b")
    x, labels = in_graph(layer, inputs, ONE_HOT, unknown=["a"])
    assert_counted(x["b"], labels)
    np.testing.assert_array_equal(x["a"][..., 0], x["b"][..., 0])


MISMATCHED = {
    "a mask": (CutMix(), constants(6, 6, 3), constants(6, 5, dtype="int32")),
    "dense floats": (CutMix(), constants(6, 6, 3), constants(5, 2, 1)),
    "frames": (
        CutMix(spatial_dims=1, kinds={"y": "frame_labels"}),
        constants(6, 3),
        constants(5, 3),
    ),
}


@pytest.mark.parametrize(("layer", "x", "y"), MISMATCHED.values(), ids=MISMATCHED)
@pytest.mark.parametrize("unknown", [[0], [1], [0, 1]], ids=["x", "y", "both"])
def test_sizes_that_turn_out_to_differ_are_named(layer, x, y, unknown):
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"`y` must have the size of `x`"):
        in_graph(layer, x, y, unknown=unknown)


def test_partners_whose_sizes_turn_out_to_differ_are_named():
    layer = CutMix()
    call = lambda x, y, other: layer(x, y, partners=(other, y))  # noqa: E731
    with pytest.raises(tf.errors.InvalidArgumentError, match="`x` must have the same kind and sh"):
        in_graph(call, constants(6, 6, 3), ONE_HOT, constants(6, 5, 3), unknown=[2])


def test_one_column_of_unknown_labels_is_no_indicator():
    with pytest.raises(tf.errors.InvalidArgumentError, match="must have a known number of columns"):
        in_graph(MixUp(num_classes=2), constants(3), np.ones((N, 1), "int32"), unknown=[1])


def test_classes_of_unknown_columns_are_told_as_eagerly():
    layer = MixUp(pairing=pairings.ByClass("same"), seed=1)
    eye = np.eye(N, dtype="float32")
    mixed, _ = in_graph(layer, eye, np.arange(N)[:, None] // 2 * 1.0, unknown=[1])
    same = np.arange(N)[:, None] // 2 == np.arange(N)[None] // 2
    assert (mixed.numpy()[~same] == 0).all()
    assert (mixed.numpy()[same] != 0).any()


def test_modalities_whose_seconds_turn_out_to_differ_are_named():
    layer = CrossModalMix(sampling_rates={"video": 2, "audio": 4}, seed=1)
    inputs = {"video": constants(6, 3), "audio": constants(12)}
    x, labels = in_graph(layer, inputs, ONE_HOT, unknown=["audio"])
    assert_counted(x["audio"], labels)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"same duration.*`x/video`, `x/aud"):
        in_graph(layer, {**inputs, "audio": constants(14)}, ONE_HOT, unknown=["audio"])


def test_texts_whose_number_turns_out_to_differ_are_named():
    layer = MixGen(texts=["ids"])
    x = {"image": constants(4, 4, 3), "ids": np.ones((N - 1, 3), "int32")}
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="`x/ids` must have the same number of samples"
    ):
        in_graph(layer, x, ONE_HOT)


@pytest.mark.parametrize(("make", "size"), [(layers.RICAP, 1), (CutMix, 0)])
def test_images_that_turn_out_to_be_too_small_are_named(make, size):
    with pytest.raises(tf.errors.InvalidArgumentError, match="`x` must have a size of at least"):
        in_graph(make(), constants(size, 4, 3), ONE_HOT, unknown=[0])


@pytest.mark.parametrize("make", [MixUp, CutMix, layers.Mosaic])
def test_the_number_of_samples_is_known_if_it_is_of_any_leaf(make):
    layer = make()
    signature = [tf.TensorSpec([N, 4, 4, 3]), tf.TensorSpec([None, N])]
    graph = tf.function(lambda x, y: layer(x, y), input_signature=signature, autograph=False)
    assert graph.get_concrete_function().structured_outputs[0].shape == (N, 4, 4, 3)


@pytest.mark.parametrize("sizes", [(0, 4, 4, 4, 3), (4, 4, 4, 4, 0)], ids=str)
@pytest.mark.parametrize("make", [layers.RICAP, layers.Mosaic, layers.ResizeMix])
def test_moving_mixers_take_what_is_empty(make, sizes):
    labels = np.eye(sizes[0], 4)
    assert make()(np.zeros(sizes, "float32"), labels)[0].shape == sizes


@pytest.mark.parametrize("mixer", [CutMix, FMix])
@pytest.mark.parametrize("trailing", [(), (4,), (4, 1), (3, 4, 2)], ids=str)
def test_one_axis_is_that_of_time(mixer, trailing):
    """Of sounds, features, spectrograms and videos: whole time steps are cut."""
    ids = np.arange(6, dtype="float32")
    x = np.broadcast_to(ids.reshape(-1, 1, *[1] * len(trailing)), (6, 9, *trailing))
    mixed, labels, weights = mixer(alpha=4.0, spatial_dims=1, seed=1)(x, np.eye(6), ids)
    steps = mixed.numpy().reshape(6, 9, -1)
    assert (steps == steps[..., :1]).all()
    assert len(np.unique(steps)) > 1
    counted = (steps[:, :, :1] == np.arange(6)).mean(axis=1)
    np.testing.assert_allclose(labels, counted, atol=1e-6)
    np.testing.assert_allclose(weights, counted @ ids, atol=1e-5)
