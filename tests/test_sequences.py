"""Padded sequences: weights are counted over real places; lengths and masks are the mixed sample's.

Of a sample's place in time everything is told by its value: its sample's number, or -1 where there
is none. So the law can be read from the mixed sequences alone.
"""

import numpy as np
import pytest
import tensorflow as tf
from contract import seed_of

from keras_mix import layers
from keras_mix._core.leaves import sequences
from keras_mix._core.leaves.padding import Validity
from keras_mix._core.leaves.rule import Pool
from keras_mix._core.plan import plan as plans

SIZE, TIME, BANDS = 9, 13, 4
LENGTHS = np.array([13, 5, 1, 0, 8, 13, 3, 10, 2])
KINDS = {"length": "lengths", "mask": "masks"}
SEEDS = [(1, 2), (3, 4), (-5, 6), (7, 8)]
PARTLY = np.random.default_rng(0).random((SIZE, TIME)) < 0.6

IN_TIME = {
    "CutMix": lambda **kw: layers.CutMix(spatial_dims=1, **kw),
    "FMix": lambda **kw: layers.FMix(spatial_dims=1, **kw),
    "CutMix for the batch": lambda **kw: layers.CutMix(spatial_dims=1, per="batch", **kw),
    "one of two": lambda **kw: layers.RandomChoice(
        [layers.CutMix(spatial_dims=1), layers.FMix(spatial_dims=1)], **kw
    ),
    "one of two for the batch": lambda **kw: layers.RandomChoice(
        [layers.CutMix(spatial_dims=1), layers.FMix(spatial_dims=1)], per="batch", **kw
    ),
}
IN_TIME_AND_FREQUENCY = {
    "SpecMix": layers.SpecMix,
    "CutMix 2-D": layers.CutMix,
    "FMix 2-D": layers.FMix,
    "GridMix": lambda **kw: layers.GridMix(cells=3, **kw),
}
HARD = {**IN_TIME, **IN_TIME_AND_FREQUENCY}
SOFT = {
    "FMix": lambda **kw: layers.FMix(spatial_dims=1, max_soft=0.3, **kw),
    "SmoothMix": layers.SmoothMix,
    "FMix 2-D": lambda **kw: layers.FMix(max_soft=0.3, **kw),
}

every_hard_mixer = pytest.mark.parametrize("make", HARD.values(), ids=HARD)


def real_of(lengths):
    return np.arange(TIME) < lengths[:, None]


def sounds(real, deep, start=0):
    """[B, T] or [B, T, F], each sample's number where it is real and -1 where it is not."""
    number = np.arange(start, start + len(real), dtype="float32")[:, None]
    found = np.where(real, number, -1).astype("float32")
    return np.repeat(found[..., None], BANDS, axis=2) if deep else found


def batch_of(real, deep, told="mask", start=0):
    x = {"sound": sounds(real, deep, start)}
    if told == "mask":
        x["mask"] = real
    else:
        x["length"] = real.sum(axis=1)
    return x, np.arange(start, start + len(real))


def earned(mixed, classes):
    """float32 [B, classes], the labels that mixed sounds have earned by their real places."""
    labels = np.zeros((len(mixed), classes), np.float32)
    for i, sound in enumerate(mixed):
        places = [int(value) for value in np.ravel(sound) if value >= 0]
        for other in sorted({*places} - {i}):
            labels[i, other] = np.float32(np.float64(places.count(other)) / len(places))
        labels[i, i] = np.float32(1) - labels[i].sum(dtype=np.float32)
    return labels


def in_mode(layer, mode):
    if mode == "eager":
        return layer
    if mode == "tf.data":
        return lambda x, y, seed: next(
            iter(tf.data.Dataset.from_tensors((x, y)).map(lambda x, y: layer(x, y, seed=seed)))
        )
    return tf.function(layer, jit_compile=mode == "XLA")


# The law.


# Compiling is slow, so not all are tried in all modes.
MODES = [(name, "eager", told) for name in HARD for told in ("mask", "length")]
MODES += [("CutMix", "XLA", "length"), ("one of two", "graph", "mask"), ("SpecMix", "XLA", "mask")]
MODES += [
    ("CutMix", "tf.data", "mask"),
    ("SpecMix", "tf.data", "length"),
]


@pytest.mark.parametrize(("name", "mode", "told"), MODES)
def test_labels_are_counted_over_real_places(name, mode, told):
    deep = name in IN_TIME_AND_FREQUENCY
    layer = HARD[name](num_classes=SIZE, kinds=KINDS, jit_compile=mode != "graph")
    given = batch_of(real_of(LENGTHS), deep, told)
    call, changed = in_mode(layer, mode), 0
    for seed in SEEDS[: 1 if mode == "tf.data" else 2]:
        x, y = call(*tf.nest.map_structure(tf.constant, given), seed=seed_of(seed))
        sound = x["sound"].numpy()
        np.testing.assert_array_equal(y, earned(sound, SIZE))
        real = (sound >= 0).any(axis=2) if deep else sound >= 0
        if told == "mask":
            np.testing.assert_array_equal(x["mask"], real)
        else:
            ends = [np.max(np.flatnonzero(row) + 1, initial=0) for row in real]
            np.testing.assert_array_equal(x["length"], ends)
        changed += (y.numpy().max(axis=1) < 1).sum()
    assert changed > 2


@every_hard_mixer
def test_masks_with_holes_are_counted(make):
    deep = make in IN_TIME_AND_FREQUENCY.values()
    layer = make(num_classes=SIZE, kinds=KINDS)
    for seed in SEEDS[:2]:
        x, y = layer(*batch_of(PARTLY, deep), seed=seed_of(seed))
        np.testing.assert_array_equal(y, earned(x["sound"].numpy(), SIZE))


@pytest.mark.parametrize(
    ("make", "compile_all"),
    [*((make, False) for make in SOFT.values()), (layers.SmoothMix, True)],
    ids=[*SOFT, "SmoothMix in XLA"],
)
def test_labels_under_soft_regions_are_the_shares_of_real_places(make, compile_all):
    # Channel i of sample i is 1 where it is real, all else is 0.
    sound = np.eye(SIZE, dtype="float32")[:, None, None] * real_of(LENGTHS)[..., None, None]
    sound = np.tile(sound, (1, 1, BANDS, 1))
    layer = make(num_classes=SIZE, kinds=KINDS)
    x = {"sound": sound[:, :, 0] if layer.grid_rank == 1 else sound, "length": LENGTHS}
    call = tf.function(layer, jit_compile=True) if compile_all else layer
    x, y = call(tf.nest.map_structure(tf.constant, x), tf.range(SIZE), seed=seed_of())
    mixed = x["sound"].numpy().astype("float64").reshape(SIZE, TIME, -1, SIZE)
    shares = mixed.sum(axis=(1, 2))
    total = shares.sum(axis=1, keepdims=True)
    expected = np.where(total > 0, shares / np.maximum(total, 1e-9), np.eye(SIZE))
    np.testing.assert_allclose(y, expected, atol=2e-6)
    ends = [np.max(np.flatnonzero(row.any(axis=(1, 2))) + 1, initial=0) for row in mixed]
    np.testing.assert_array_equal(x["length"], ends)


def discounted(plan, real):
    """The plan, counted where a mask says that places are real."""
    validity = Validity((sequences.ValidityMasks((1,), tf.bool),), (Pool(real),))
    return validity.discount(plan, lambda function, *arguments: function(*arguments))


def test_a_sample_left_without_real_places_stays_itself():
    region = tf.constant([[True, True, True, False]] * 3)
    drawn = plans.paste(tf.constant([1, 2, 0]), region)
    real = tf.constant([[1, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 1]]) > 0
    kept = discounted(drawn, real)
    # Of 0 all is overwritten by padding, 1 has nothing and takes nothing, 2 is 3 : 1.
    np.testing.assert_array_equal(kept.weights, [[1, 0], [1, 0], [0.25, 0.75]])
    np.testing.assert_array_equal(kept.region.dense(), [[False] * 4, [False] * 4, region[2]])
    np.testing.assert_array_equal(kept.sources, [[0, 0], [1, 1], [2, 0]])


def test_a_pasted_span_of_padding_is_worth_nothing():
    region = tf.constant([[False, False, True, True]] * 2)
    drawn = plans.paste(tf.constant([1, 0]), region)
    real = sequences.of_lengths(tf.constant([2, 1]), 4)
    np.testing.assert_array_equal(discounted(drawn, real).weights, [[1, 0], [1, 0]])


def test_counting_twice_changes_nothing():
    layer = layers.CutMix(spatial_dims=1, kinds=KINDS)
    drawn = layer.plan(batch_of(real_of(LENGTHS), False)[0], seed_of())
    real = tf.constant(real_of(LENGTHS))
    again = discounted(drawn, real)
    for one, other in zip(tf.nest.flatten(drawn), tf.nest.flatten(again), strict=True):
        np.testing.assert_array_equal(one, other)


def test_whole_sequences_are_counted_as_without_lengths():
    (x, y), full = batch_of(real_of(LENGTHS), False), np.full(SIZE, TIME)
    options = {"spatial_dims": 1, "num_classes": SIZE}
    plain = layers.CutMix(**options)({"sound": x["sound"]}, y, seed=seed_of())
    layer = layers.CutMix(kinds=KINDS, **options)
    told = layer({"sound": x["sound"], "length": full}, y, seed=seed_of())
    np.testing.assert_array_equal(told[0]["sound"], plain[0]["sound"])
    np.testing.assert_array_equal(told[1], plain[1])
    np.testing.assert_array_equal(told[0]["length"], full)


def test_packed_labels_sample_weights_and_plans_follow():
    x, y = batch_of(real_of(LENGTHS), False, "length")
    options = {"spatial_dims": 1, "kinds": KINDS}
    _, labels = layers.CutMix(num_classes=SIZE, **options)(x, y, seed=seed_of())
    layer = layers.CutMix(label_mode="pairs", **options)
    weight = np.arange(SIZE, dtype="float32")
    _, pairs, weight = layer(x, y, weight, seed=seed_of())
    np.testing.assert_allclose(weight, labels.numpy() @ np.arange(SIZE), rtol=1e-6)
    drawn = layer.plan(x, seed_of())
    np.testing.assert_array_equal(pairs[:, 0], drawn.sources)
    np.testing.assert_array_equal(pairs[:, 1], drawn.weights)
    np.testing.assert_array_equal(
        layer.apply_plan(drawn, x)["length"], layer((x,), seed=seed_of())[0]["length"]
    )


@every_hard_mixer
def test_partners_of_another_batch_are_counted(make):
    deep = make in IN_TIME_AND_FREQUENCY.values()
    layer = make(num_classes=2 * SIZE, kinds=KINDS)
    own = batch_of(real_of(LENGTHS), deep, "length")
    donors = batch_of(real_of(LENGTHS[::-1]), deep, "length", start=SIZE)
    x, y = layer(own, partners=donors, seed=seed_of())
    np.testing.assert_array_equal(y, earned(x["sound"].numpy(), 2 * SIZE))
    assert (y.numpy()[:, SIZE:] > 0).any()


def test_sizes_unknown_to_the_graph():
    layer = layers.CutMix(spatial_dims=1, num_classes=SIZE, kinds=KINDS)
    x, y = batch_of(real_of(LENGTHS), False, "length")
    signature = [
        {"sound": tf.TensorSpec([None, None]), "length": tf.TensorSpec([None], tf.int64)},
        tf.TensorSpec([None], tf.int64),
    ]
    call = tf.function(lambda x, y: layer(x, y, seed=seed_of()), input_signature=signature)
    found, expected = call(x, y), layer(x, y, seed=seed_of())
    for one, other in zip(tf.nest.flatten(found), tf.nest.flatten(expected), strict=True):
        np.testing.assert_array_equal(one, other)


# Blends.


@pytest.mark.parametrize(("rate", "compile_all"), [(1.0, False), (0.5, False), (0.5, True)])
def test_a_blend_keeps_its_weights_and_is_as_long_as_the_longest(rate, compile_all):
    real = PARTLY & real_of(LENGTHS)
    x = {"sound": sounds(real, True), "length": LENGTHS, "mask": real}
    options = {"alpha": 1.0, "label_mode": "pairs", "rate": rate, "pairing": "derange"}
    layer = layers.MixUp(kinds=KINDS, **options)
    call = tf.function(layer, jit_compile=True) if compile_all else layer
    given = tf.nest.map_structure(tf.constant, x)
    mixed, pairs = call(given, tf.range(SIZE), seed=seed_of())
    _, plain = layers.MixUp(**options)({"sound": x["sound"]}, np.arange(SIZE), seed=seed_of())
    np.testing.assert_allclose(pairs, plain, atol=1e-6)
    sources, weights = pairs[:, 0].numpy().astype(int), pairs[:, 1].numpy()
    assert (weights[:, 1] > 0).sum() >= 2
    for i in range(SIZE):
        used = sources[i][weights[i] > 0]
        assert mixed["length"][i] == LENGTHS[used].max()
        np.testing.assert_array_equal(mixed["mask"][i], real[used].any(axis=0))


def test_a_source_without_weight_lends_no_length():
    x = {"sound": sounds(real_of(LENGTHS), False), "length": LENGTHS, "mask": PARTLY}
    mixed = layers.MixUp(alpha=0, kinds=KINDS)(x, np.eye(SIZE), seed=seed_of())[0]
    np.testing.assert_array_equal(mixed["length"], LENGTHS)
    np.testing.assert_array_equal(mixed["mask"], PARTLY)


def test_one_of_a_blend_and_a_cut():
    mixers = [layers.MixUp(alpha=1.0), layers.CutMix(spatial_dims=1)]
    layer = layers.RandomChoice(mixers, num_classes=SIZE, kinds=KINDS)
    sound = np.eye(SIZE, dtype="float32")[:, None] * real_of(np.full(SIZE, 9))[..., None]
    x = {"sound": sound, "length": np.full(SIZE, 9)}
    mixed, y = layer(x, np.arange(SIZE), seed=seed_of())
    np.testing.assert_allclose(y, mixed["sound"].numpy().sum(axis=1) / 9, atol=1e-6)
    np.testing.assert_array_equal(mixed["length"], x["length"])


@pytest.mark.parametrize("make", [layers.SpecAugment, layers.Cutout])
def test_what_is_filled_keeps_its_length(make):
    x = {"sound": sounds(PARTLY, True), "length": LENGTHS, "mask": PARTLY}
    filled, y = make(kinds=KINDS, num_classes=SIZE)(x, np.arange(SIZE), seed=seed_of())
    np.testing.assert_array_equal(filled["length"], LENGTHS)
    np.testing.assert_array_equal(filled["mask"], PARTLY)
    np.testing.assert_array_equal(y, np.eye(SIZE))


# Forms.


@pytest.mark.parametrize("dtype", ["bool", "int32", "uint8"])
def test_masks_and_lengths_keep_their_dtype(dtype):
    x = {"sound": sounds(PARTLY, False), "mask": PARTLY.astype(dtype), "length": np.int32(LENGTHS)}
    for layer in (layers.MixUp(kinds=KINDS), layers.CutMix(spatial_dims=1, kinds=KINDS)):
        for training in (True, False):
            mixed = layer(x, np.eye(SIZE), training=training)[0]
            assert mixed["mask"].dtype == dtype
            assert mixed["length"].dtype == tf.int32
        np.testing.assert_array_equal(mixed["mask"], x["mask"])
        np.testing.assert_array_equal(mixed["length"], x["length"])


def test_lengths_beside_the_labels_are_no_labels():
    x, y = batch_of(real_of(LENGTHS), False, "length")
    layer = layers.CutMix(spatial_dims=1, num_classes=SIZE, kinds=KINDS)
    mixed, labels = layer(x, y, seed=seed_of())
    sound, told = layer(x["sound"], {"length": x["length"], "id": y}, seed=seed_of())
    np.testing.assert_array_equal(sound, mixed["sound"])
    np.testing.assert_array_equal(told["length"], mixed["length"])
    np.testing.assert_array_equal(told["id"], labels)


def test_a_mask_off_the_grid_is_a_union():
    images = np.zeros((SIZE, 6, 5, 3), "float32")
    x = {"image": images, "mask": PARTLY}
    layer = layers.CutMix(label_mode="pairs", kinds=KINDS, pairing="roll")
    mixed, pairs = layer(x, np.arange(SIZE), seed=seed_of())
    sources, weights = pairs[:, 0].numpy().astype(int), pairs[:, 1].numpy()
    for i in range(SIZE):
        used = sources[i][weights[i] > 0]
        np.testing.assert_array_equal(mixed["mask"][i], PARTLY[used].any(axis=0))


# Bad input.

SOUND = sounds(PARTLY, False)
CUT = layers.CutMix(spatial_dims=1, kinds=KINDS)
BLEND = layers.MixUp(kinds=KINDS)


@pytest.mark.parametrize("layer", [CUT, BLEND], ids=["CutMix", "MixUp"])
@pytest.mark.parametrize(
    ("x", "sentence"),
    [
        ({"length": LENGTHS + 1}, r"`x/length` must be from 0 to the number of time steps of `x/"),
        ({"length": LENGTHS + 1}, r"Received: values from 1 to 14, not from 0 to 13"),
        ({"length": LENGTHS - 1}, r"Received: values from -1 to 12"),
        ({"length": LENGTHS[:, None]}, r"must be integers \(B,\), .* shape=\(9, 1\)"),
        ({"length": LENGTHS.astype("float32")}, r"must be integers \(B,\), .* dtype=float32"),
        ({"mask": PARTLY[0]}, r"must have the same number of samples as"),
        (
            {"mask": PARTLY[..., None]},
            r"must be booleans or integers, 1 at valid time steps",
        ),
        ({"mask": PARTLY.astype("float32")}, r"must be booleans .* dtype=float32"),
        ({"mask": PARTLY * 2}, r"must hold 0 and 1, or booleans. Received: values from 0 to 2"),
    ],
)
def test_what_tells_of_sequences_wrongly(layer, x, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        layer({"sound": SOUND, **x}, np.eye(SIZE))
    assert str(caught.value).startswith(f"{layer.owner}: ")


@pytest.mark.parametrize("make", HARD.values(), ids=HARD)
@pytest.mark.parametrize("steps", [TIME - 1, TIME + 1, BANDS])
def test_a_mask_of_other_time_steps(make, steps):
    layer, mask = make(kinds=KINDS), np.ones((SIZE, steps), bool)
    sentence = rf"`x/mask` must have as many time steps as `x/sound` .*\({SIZE}, {steps}\) beside"
    # The columns of a label are no time steps.
    batch = {"sound": sounds(PARTLY, True), "mask": mask}, np.eye(steps)[np.zeros(SIZE, int)]
    for call in (layer, tf.function(layer)):
        with pytest.raises(ValueError, match=sentence):
            call(tf.nest.map_structure(tf.constant, batch))
    # Of another input that has them.
    batch[0]["words"] = np.ones((SIZE, steps), int)
    found, _ = make(kinds=KINDS, passthrough=["words"])(batch)
    assert found["mask"].shape == mask.shape


def test_partners_with_lengths_beyond_the_tensor():
    own = {"sound": SOUND, "length": LENGTHS}, np.eye(SIZE)
    donors = {"sound": SOUND, "length": LENGTHS + 1}, np.eye(SIZE)
    with pytest.raises(ValueError, match="not from 0 to 13"):
        CUT(own, partners=donors)


def test_lengths_without_sequences():
    with pytest.raises(ValueError, match=r"MixUp: lengths need a sequence among the in"):
        BLEND({"features": np.zeros(SIZE, "f4"), "length": LENGTHS}, np.eye(SIZE))


@pytest.mark.parametrize("wrong", [LENGTHS + 1, LENGTHS - 1])
def test_a_running_graph_refuses_lengths(wrong):
    graph = tf.function(lambda x: CUT(x, tf.eye(SIZE)), autograph=False)
    with pytest.raises(tf.errors.InvalidArgumentError, match="must be from 0 to the number"):
        graph({"sound": tf.constant(SOUND), "length": tf.constant(wrong)})


@pytest.mark.parametrize("make", [layers.RICAP, layers.ResizeMix, layers.Mosaic])
def test_lengths_under_sources_that_move(make):
    x = {"sound": sounds(PARTLY, True), "length": LENGTHS}
    rule = "lengths, masks and labels of time steps cannot follow moved or resized sources"
    with pytest.raises(ValueError, match=f"^{make.__name__}: {rule}"):
        make(kinds=KINDS)(x, np.eye(SIZE))
