"""The table of all mixers × the laws that each keeps. A new mixer is one more row of `MIXERS`."""

import inspect
import json
import re
from typing import NamedTuple

import keras
import numpy as np
import oracles
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_mix.batch import Batch
from keras_mix.checks import PAIRINGS, PER
from keras_mix.layers import CutMix, MixUp
from keras_mix.layers.base import Mixer


class Row(NamedTuple):
    """A mixer, and what its laws depend on.

    Attributes:
        make: The class.
        pastes: Whether every pixel comes from exactly one source.
        off: Arguments with which it mixes nothing.
        strong: Arguments with which it visibly mixes every sample that has a partner.
    """

    make: type
    pastes: bool
    off: dict
    strong: dict


MIXERS = {
    "MixUp": Row(MixUp, pastes=False, off={"alpha": 0}, strong={"alpha": 8.0}),
    "CutMix": Row(CutMix, pastes=True, off={"alpha": 0}, strong={"alpha": 8.0}),
}
SEED = (1, 2)
SEEDS = [(0, 0), (1, 2), (-3, 4), (5, -6), (-(2**31), 2**31 - 1)]
FIXED_SHAPES = [(1, 1, 1), (2, 5, 3), (9, 33, 47)]
# Bits that arithmetic loses: the zero's sign, what is not finite, a subnormal.
FRAGILE = np.array([-0.0, np.inf, -np.inf, np.nan, 1e-40, 3.0], np.float32)
ONLY_PASTING = [name for name, row in MIXERS.items() if row.pastes]

every_mixer = pytest.mark.parametrize("row", MIXERS.values(), ids=MIXERS)


def seed_of(seed=SEED):
    return tf.constant(seed, tf.int32)


def constant_images(size, height, width, dtype="uint8"):
    """Every pixel of sample i is i."""
    return np.tile(np.arange(size, dtype=dtype)[:, None, None, None], (1, height, width, 1))


def membership_images(size, height, width):
    """Channel i of sample i is 1, all others 0: a mixed pixel is the row of its shares."""
    return np.tile(np.eye(size, dtype="float32")[:, None, None], (1, height, width, 1))


def random_images(size, height, width, channels=3, seed=0):
    return np.random.default_rng(seed).random((size, height, width, channels), np.float32)


def bits(array):
    array = np.ascontiguousarray(array)
    return array.view(f"u{array.itemsize}")


def sampled(layer, size=6, grid=(8, 5), seed=SEED):
    """The plan that a layer draws for a batch."""
    batch = Batch(
        size=size,
        donors=size,
        crossed=False,
        draws=1 if layer.per == "batch" else size,
        grid=grid if layer.grid_rank else None,
        images=tf.constant(random_images(size, *grid)),
        labels=tf.range(size),
    )
    return layer.sample(batch, tf.convert_to_tensor(seed, tf.int32))


def packed(layer, size, seed=SEED):
    """The sources and weights [B, S] that a layer uses, read from packed labels."""
    images = random_images(size, 16, 16, channels=1)
    _, pairs = layer(images, np.arange(size), seed=seed_of(seed))
    return pairs[:, 0].numpy().astype(int), pairs[:, 1].numpy()


def labels_from_pixels(images, size):
    """float32 [B, B]: the labels that constant images have earned, pixel by pixel."""
    counts = oracles.pixels_of(images, size)
    expected = np.empty((size, size), np.float32)
    for i, row in enumerate(counts):
        others = [j for j in range(size) if j != i]
        expected[i, [i, *others]] = oracles.shares(row[[i, *others]][None])[0]
    return expected


def assert_labels_are_what_is_in_the_pixels(row, size, height, width, call=None, **options):
    layer = row.make(num_classes=max(size, 2), **options)
    call = call or layer
    make = constant_images if row.pastes else membership_images
    images, labels = call(layer, make(size, height, width), np.arange(size))
    images, labels = images.numpy(), labels.numpy()[:, :size]
    if row.pastes:
        np.testing.assert_array_equal(labels, labels_from_pixels(images, size))
    else:
        seen = np.broadcast_to(labels[:, None, None], images.shape)
        np.testing.assert_allclose(images, seen, rtol=0, atol=2e-7)
    np.testing.assert_allclose(labels.sum(axis=1), 1.0, rtol=0, atol=2e-7)


# The law of a plan: Acceptance 3.


@every_mixer
@settings(max_examples=500)
@given(
    size=st.integers(1, 9),
    height=st.integers(1, 33),
    width=st.integers(1, 47),
    pairing=st.sampled_from(PAIRINGS),
    per=st.sampled_from(PER),
    alpha=st.sampled_from([0.01, 0.2, 1.0, 8.0]),
    seed=st.tuples(*[st.integers(-(2**31), 2**31 - 1)] * 2),
)
def test_label_is_what_is_in_the_pixels(row, size, height, width, pairing, per, alpha, seed):
    def call(layer, x, y):
        return layer(x, y, seed=seed_of(seed))

    options = {"pairing": pairing, "per": per, "alpha": alpha}
    assert_labels_are_what_is_in_the_pixels(row, size, height, width, call, **options)


@every_mixer
@pytest.mark.parametrize("compile_all", [False, True], ids=["graph", "all in XLA"])
@pytest.mark.parametrize("shape", FIXED_SHAPES)
def test_label_is_what_is_in_the_pixels_of_a_graph(row, shape, compile_all):
    def call(layer, x, y):
        mix = tf.function(layer, jit_compile=compile_all)
        return mix(tf.constant(x), tf.constant(y), seed=seed_of())

    assert_labels_are_what_is_in_the_pixels(row, *shape, call=call)


@every_mixer
@pytest.mark.parametrize("per", PER)
@pytest.mark.parametrize("rate", [0.5, 1.0])
def test_sources_and_weights_are_well_formed(row, per, rate):
    for seed in SEEDS:
        layer = row.make(per=per, rate=rate, labels="pairs")
        sources, weights = packed(layer, 7, seed=seed)
        np.testing.assert_array_equal(sources[:, 0], np.arange(7))
        assert sources.shape == weights.shape == (7, layer.num_sources)
        assert ((sources >= 0) & (sources < 7)).all()
        assert ((weights >= 0) & (weights <= 1)).all()
        np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=0, atol=2e-7)


@every_mixer
def test_plan_counts_its_weights_from_its_region(row):
    plan = sampled(row.make(**row.strong), size=6, grid=(8, 5)).rendered()
    if plan.hard:
        counted = oracles.shares(oracles.count(plan.region.numpy(), plan.sources.shape[1]))
        np.testing.assert_array_equal(plan.weights, counted)
    elif plan.region is not None:
        means = plan.region.numpy().mean(axis=(1, 2))
        np.testing.assert_allclose(plan.weights, means, atol=1e-6)


@every_mixer
@pytest.mark.parametrize("per", PER)
def test_pastes_tells_whether_plans_are_hard(row, per):
    layer = row.make(per=per)
    assert layer.pastes == row.pastes
    assert all(sampled(layer, seed=seed).hard == row.pastes for seed in SEEDS)


@every_mixer
def test_partners_of_another_batch_are_counted_alike(row):
    size = 5
    layer = row.make(num_classes=2 * size, **row.strong)
    own = constant_images(size, 7, 4, "float32"), np.arange(size)
    donors = own[0] + size, own[1] + size
    images, labels = layer(own, partners=donors, seed=seed_of())
    seen = labels.numpy() @ np.arange(2 * size)
    np.testing.assert_allclose(images.numpy().mean(axis=(1, 2, 3)), seen, rtol=1e-6)
    assert (labels.numpy()[:, size:].sum(axis=1) > 0).all()


# What is not mixed stays as it is, bit for bit.


def assert_nothing_changes(layer, images, function=None):
    labels = np.eye(len(images), dtype="float32") if len(images) > 1 else np.ones((1, 2), "f4")
    for seed in SEEDS:
        mixed = (function or layer)(tf.constant(images), tf.constant(labels), seed=seed_of(seed))
        np.testing.assert_array_equal(bits(mixed[0]), bits(images))
        np.testing.assert_array_equal(bits(mixed[1]), bits(labels))


def fragile_images(size):
    return np.random.default_rng(0).choice(FRAGILE, (size, 4, 5, 2))


@every_mixer
def test_arguments_that_switch_it_off_keep_every_bit(row):
    assert_nothing_changes(row.make(**row.off), fragile_images(5))


@every_mixer
def test_rate_0_keeps_every_bit(row):
    assert_nothing_changes(row.make(rate=0, **row.strong), fragile_images(5))


@every_mixer
@pytest.mark.parametrize("compile_all", [False, True], ids=["graph", "all in XLA"])
def test_rate_0_keeps_every_bit_in_a_graph(row, compile_all):
    layer = row.make(rate=0, **row.strong)
    assert_nothing_changes(layer, fragile_images(5), tf.function(layer, jit_compile=compile_all))


@every_mixer
@pytest.mark.parametrize("pairing", PAIRINGS)
def test_single_sample_keeps_every_bit(row, pairing):
    assert_nothing_changes(row.make(pairing=pairing, **row.strong), fragile_images(1))


@every_mixer
def test_sample_paired_with_itself_keeps_every_bit(row):
    layer = row.make(labels="pairs", pairing="reverse", **row.strong)
    images = fragile_images(5)
    mixed, _ = layer(images, np.arange(5), seed=seed_of())
    np.testing.assert_array_equal(bits(mixed[2]), bits(images[2]))


@every_mixer
def test_unmixed_rows_of_a_mixed_batch_keep_every_bit(row):
    layer = row.make(labels="pairs", rate=0.5, pairing="roll", **row.strong)
    images = fragile_images(40)
    mixed, pairs = layer(images, np.arange(40), seed=seed_of())
    unmixed = pairs[:, 1, 0] == 1
    assert 0 < np.sum(unmixed) < 40
    np.testing.assert_array_equal(bits(mixed[unmixed]), bits(images[unmixed]))


@every_mixer
@pytest.mark.parametrize("dtype", ["uint8", "float16", "int32", "float64"])
def test_unmixed_rows_keep_every_bit_of_their_dtype(row, dtype):
    images = np.full((3, 2, 2, 1), 2**24 + 1 if dtype in ("int32", "float64") else 201, dtype)
    layer = row.make(rate=0, keep_dtype=True, kinds={"x": "images"})
    mixed, _ = layer(images, np.eye(3, dtype="f4"), seed=seed_of())
    assert mixed.dtype == dtype
    np.testing.assert_array_equal(mixed, images)


@every_mixer
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_rate_is_the_fraction_of_samples_mixed(row, rate):
    size = 4000
    layer = row.make(labels="pairs", rate=rate, pairing="roll", **row.strong)
    sources, weights = packed(layer, size)
    mixed = weights[:, 0] < 1
    np.testing.assert_array_equal(mixed, sources[:, 1] != np.arange(size))
    assert abs(mixed.mean() - rate) < 4.5 * np.sqrt(rate * (1 - rate) / size)


@every_mixer
def test_rate_decides_for_the_whole_batch(row):
    layer = row.make(labels="pairs", rate=0.5, per="batch", pairing="roll", **row.strong)
    mixed = [packed(layer, 5, seed=(k, 0))[1][:, 0] < 1 for k in range(40)]
    assert all(len(set(batch)) == 1 for batch in mixed)
    assert 0.2 < np.mean(mixed) < 0.8


# Randomness is an argument.


@every_mixer
def test_same_seed_same_bits(row):
    images, labels = random_images(6, 9, 5), np.eye(6, dtype="float32")
    results = [row.make()(images, labels, seed=seed_of()) for _ in range(2)]
    for first, second in zip(*results, strict=True):
        np.testing.assert_array_equal(first, second)


@every_mixer
def test_seeds_all_differ(row):
    images, labels = random_images(6, 9, 5), np.eye(6, dtype="float32")
    layer = row.make(**row.strong)
    seeds = [*SEEDS, (2, 1), (0, 1), (1, 0)]
    seen = {layer(images, labels, seed=seed_of(seed))[0].numpy().tobytes() for seed in seeds}
    assert len(seen) == len(seeds)


@every_mixer
@pytest.mark.parametrize("compile_all", [False, True], ids=["graph", "all in XLA"])
@pytest.mark.parametrize("options", [{}, {"per": "batch"}, {"pairing": "derange"}], ids=str)
def test_plan_is_the_same_in_every_mode(row, options, compile_all):
    layer = row.make(alpha=1.0, **options)

    def draw(seed):
        return sampled(layer, 9, (33, 47), seed).rendered()

    draw_in_graph = tf.function(draw, jit_compile=compile_all)
    for seed in SEEDS:
        eager, graph = draw(seed_of(seed)), draw_in_graph(seed_of(seed))
        for name, expected, found in zip(eager._fields, eager, graph, strict=True):
            np.testing.assert_array_equal(found, expected, f"{name}, seed {seed}")


@every_mixer
@pytest.mark.parametrize("mode", ["graph", "plain graph", "all in XLA", "tf.data"])
def test_output_is_the_same_in_every_mode(row, mode):
    layer = row.make(rate=0.8, jit_compile=mode != "plain graph")
    images, labels = random_images(9, 13, 7), np.eye(9, dtype="float32")
    expected = layer(images, labels, seed=seed_of())
    if mode == "tf.data":
        dataset = tf.data.Dataset.from_tensor_slices((images, labels)).batch(9)
        found = next(iter(dataset.map(lambda x, y: layer(x, y, seed=seed_of()))))
    else:
        mix = tf.function(layer, jit_compile=mode == "all in XLA")
        found = mix(tf.constant(images), tf.constant(labels), seed=seed_of())
    # A compiler may round a product and a sum once instead of twice; pasted pixels are copies.
    np.testing.assert_allclose(found[0], expected[0], rtol=0, atol=0 if row.pastes else 1e-7)
    np.testing.assert_array_equal(found[1], expected[1])


# Pairings and draws for the batch.


@every_mixer
@pytest.mark.parametrize("size", [1, 2, 3, 8, 9])
@pytest.mark.parametrize(
    ("pairing", "partner"),
    [
        ("reverse", lambda i, size: size - 1 - i),
        ("roll", lambda i, size: (i + 1) % size),
    ],
    ids=["reverse", "roll"],
)
def test_fixed_pairings_are_as_defined(row, pairing, partner, size):
    sources, _ = packed(row.make(labels="pairs", pairing=pairing), size)
    assert sources[:, 1].tolist() == [partner(i, size) for i in range(size)]


@every_mixer
@pytest.mark.parametrize("size", [1, 2, 3, 8, 9])
@pytest.mark.parametrize("pairing", ["shuffle", "derange"])
def test_random_pairings_use_each_sample_once(row, pairing, size):
    layer = row.make(labels="pairs", pairing=pairing)
    for seed in SEEDS:
        partners = packed(layer, size, seed=seed)[0][:, 1]
        assert sorted(partners) == list(range(size))
        assert pairing == "shuffle" or size == 1 or (partners != np.arange(size)).all()


@every_mixer
def test_one_draw_serves_the_batch(row):
    layer = row.make(labels="pairs", per="batch", pairing="roll", **row.strong)
    images, pairs = layer(constant_images(6, 8, 5, "float32"), np.arange(6), seed=seed_of())
    assert len(np.unique(pairs[:, 1], axis=0)) == 1
    own = np.arange(6)[:, None, None, None]
    taken = (images.numpy() - own) / ((own + 1) % 6 - own)  # The partner's share of each pixel.
    np.testing.assert_allclose(taken, np.broadcast_to(taken[:1], taken.shape), atol=1e-6)


@every_mixer
def test_each_sample_has_its_own_draw(row):
    layer = row.make(labels="pairs", pairing="roll", **row.strong)
    assert len(np.unique(packed(layer, 6)[1][:, 0])) > 3


# Forms: dtypes, axes, configuration.


@every_mixer
@pytest.mark.parametrize("policy", ["float32", "mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("dtype", ["uint8", "float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("keep_dtype", [False, True])
def test_dtypes(row, dtype, policy, keep_dtype):
    layer = row.make(num_classes=4, dtype=policy, keep_dtype=keep_dtype)
    images = tf.cast(constant_images(4, 3, 5), dtype)
    x, y, weight = layer(images, np.arange(4), np.ones(4, "f4"), seed=seed_of())
    kept = row.pastes or keep_dtype
    assert x.dtype.name == (dtype if kept else layer.compute_dtype)
    assert y.dtype.name == weight.dtype.name == "float32"


LABELS = {
    "class ids": np.arange(4),
    "one-hot": np.eye(4, dtype="f4"),
    "half one-hot": np.eye(4, dtype="f2"),
    "indicators": np.eye(4, dtype="i4"),
    "regression": np.arange(4, dtype="f4"),
    "regression column": np.arange(4, dtype="f4")[:, None],
    "dense": np.ones((4, 3, 5, 2), "f4"),
}


@every_mixer
@pytest.mark.parametrize("form", ["tuple", "dict"])
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_labels_are_float32_under_any_policy(row, labels, training, form):
    ids = labels.dtype == np.int64
    layer = row.make(num_classes=4 if ids else None, dtype="mixed_float16")
    images = constant_images(4, 3, 5, "float32")
    if form == "tuple":
        _, y = layer(images, labels, training=training)
    else:
        y = layer({"images": images, "labels": labels}, training=training)["labels"]
    assert y.dtype.name == "float32"


@every_mixer
@pytest.mark.parametrize("options", [{}, {"labels": "pairs"}, {"dtype": "mixed_float16"}], ids=str)
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_without_training_the_forms_are_those_of_training(row, dtype, options):
    layer = row.make(num_classes=4, label_smoothing=0 if "labels" in options else 0.1, **options)
    batch = constant_images(4, 3, 5, dtype), np.arange(4), np.ones(4, "f4")
    trained, plain = (layer(batch, training=training) for training in (True, False))
    specs = [[(t.dtype, t.shape) for t in tf.nest.flatten(r)] for r in (trained, plain)]
    assert specs[0] == specs[1]
    np.testing.assert_array_equal(tf.cast(plain[0], dtype), batch[0])


@every_mixer
@pytest.mark.parametrize("size", [1, 2, 7])
@pytest.mark.parametrize("grid", [(1, 1), (1, 9), (9, 1), (5, 8)])
def test_shapes_are_kept(row, size, grid):
    images = random_images(size, *grid)
    assert row.make()(images).shape == images.shape


@every_mixer
def test_channels_first_is_channels_last_transposed(row):
    images, labels = random_images(6, 5, 8), np.eye(6, dtype="f4")
    options = {"pairing": "roll", **row.strong}
    last, y_last = row.make(**options)(images, labels, seed=seed_of())
    first, y_first = row.make(data_format="channels_first", **options)(
        images.transpose(0, 3, 1, 2), labels, seed=seed_of()
    )
    np.testing.assert_array_equal(first.numpy().transpose(0, 2, 3, 1), last)
    np.testing.assert_array_equal(y_first, y_last)


EVERY_OPTION = {
    "num_classes": {"head": 7},
    "labels": "values",
    "label_smoothing": 0.25,
    "pairing": "roll",
    "per": "batch",
    "rate": 0.75,
    "kinds": {"x/image": "images"},
    "passthrough": ["id"],
    "keep_dtype": True,
    "inputs_only": True,
    "jit_compile": False,
    "data_format": "channels_first",
    "seed": 0,
}


def test_every_option_is_tried():
    arguments = inspect.signature(Mixer.__init__).parameters
    assert set(EVERY_OPTION) == set(arguments) - {"self", "kwargs"}
    defaults = {name: arguments[name].default for name in EVERY_OPTION}
    assert not [name for name, value in EVERY_OPTION.items() if defaults[name] == value]


@every_mixer
def test_config_makes_an_equal_layer(row):
    layer = row.make(name="mixer", dtype="mixed_bfloat16", **row.strong, **EVERY_OPTION)
    config = layer.get_config()
    assert config.items() >= {**EVERY_OPTION, **row.strong}.items()
    assert row.make.from_config(json.loads(json.dumps(config))).get_config() == config


@every_mixer
def test_config_names_every_argument_of_the_mixer(row):
    arguments = set(inspect.signature(row.make.__init__).parameters) - {"self", "kwargs"}
    assert arguments <= set(row.make().get_config())


@every_mixer
def test_keras_saves_and_loads_it(row):
    layer = row.make(num_classes=6, label_smoothing=0.1, per="batch", **row.strong)
    saved = json.dumps(keras.saving.serialize_keras_object(layer))
    loaded = keras.saving.deserialize_keras_object(json.loads(saved))
    batch = random_images(6, 5, 8), np.arange(6)
    for first, second in zip(
        layer(batch, seed=seed_of()), loaded(batch, seed=seed_of()), strict=True
    ):
        np.testing.assert_array_equal(first, second)


@every_mixer
def test_unknown_sizes_mix_like_known_ones(row):
    layer = row.make()
    images, labels = random_images(6, 5, 8), np.eye(6, dtype="f4")
    shapes = [tf.TensorSpec([None, None, None, 3]), tf.TensorSpec([None, 6])]
    mix = tf.function(lambda x, y: layer(x, y, seed=seed_of()), input_signature=shapes)
    for found, expected in zip(
        mix(images, labels), layer(images, labels, seed=seed_of()), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize("name", ONLY_PASTING)
def test_pasted_pixels_stay_in_their_places(name):
    # Every pixel of the batch has a value of its own.
    images = np.arange(6 * 9 * 5, dtype="float32").reshape(6, 9, 5, 1)
    mixed = MIXERS[name].make(**MIXERS[name].strong)(images, seed=seed_of())
    places = np.broadcast_to(np.arange(9 * 5).reshape(9, 5), (6, 9, 5))
    np.testing.assert_array_equal(mixed[..., 0].numpy() % 45, places)


def test_every_exported_mixer_has_its_row():
    import keras_mix.layers

    public = [getattr(keras_mix.layers, name) for name in keras_mix.layers.__all__]
    mixers = {cls.__name__ for cls in public if issubclass(cls, Mixer)}
    assert mixers == set(MIXERS)
    assert all(
        re.fullmatch(r"\w+", name) and row.make.__name__ == name for name, row in MIXERS.items()
    )
