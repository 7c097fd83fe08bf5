"""Pairings by labels: their distributions, whom they refuse, and that any mixer takes them."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from contract import SEEDS, packed, seed_of
from scipy import stats

from keras_mix import data, pairings
from keras_mix._core.batch.batch import Batch
from keras_mix._core.draw import label_kernels, random
from keras_mix.evaluate import mixers
from keras_mix.layers import RICAP, CutMix, MixUp, RandomChoice, TabularMix
from keras_mix.models import MixingModel
from keras_mix.pairings import ByClass, ByLabel, InOrder

UNLIKELY = 1e-4
DRAWS = 4000
NUMBERS = np.array([0.0, 0.3, 0.35, 1.0, 4.0, -2.0, 0.31], "float32")
IDS = np.array([0, 0, 0, 0, 1, 1, 2])
PAIRINGS = [
    ByLabel(),
    ByLabel(0.5),
    ByClass("same"),
    ByClass("different"),
    ByClass("rare", exponent=0.7),
    ByClass("different", exponent=1, class_counts=[5, 3, 1]),
    InOrder(),
]


def batch_of(labels, donors=None):
    labels = tf.constant(labels)
    crossed = donors is not None
    donors = tf.constant(donors) if crossed else labels
    sizes = labels.shape[0], donors.shape[0]
    return Batch(
        *sizes, crossed, sizes[0], None, labels, labels, donor_images=donors, donor_labels=donors
    )


def drawn(pairing, labels, donors=None, count=DRAWS):
    """int [count, B], that many partners of each sample by the pairing's weights."""
    weights = pairing.weights(batch_of(labels, donors))
    size = weights.shape[0]
    found = random.by_weight(seed_of(), tf.tile(weights, [count, 1])).numpy().reshape(count, size)
    return np.where(found < 0, np.arange(size), found)


def gaussian(labels, donors, bandwidth, others=True):
    """float64 [B, D], the kernel of the paper, pair by pair."""
    own, donors = (np.reshape(y, (len(y), -1)).astype("float64") for y in (labels, donors))
    shares = np.zeros((len(own), len(donors)))
    for i in range(len(own)):
        for j in range(len(donors)):
            far = sum((a - b) ** 2 for a, b in zip(own[i], donors[j], strict=True))
            shares[i, j] = 0 if others and i == j else np.exp(-far / (2 * bandwidth**2))
    return shares / shares.sum(axis=1, keepdims=True)


def assert_follow(partners, shares):
    """Each column of partners, by chi-square, where five or more are expected; else by Poisson."""
    for column, probability in zip(partners.T, shares, strict=True):
        counts, expected = (
            np.bincount(column, minlength=len(probability)),
            probability * len(column),
        )
        often = expected >= 5
        rest = counts[~often].sum(), expected[~often].sum()
        assert stats.poisson.sf(rest[0] - 1, max(rest[1], 1e-9)) > UNLIKELY
        if often.sum() > 1:
            found, wanted = counts[often], expected[often]
            wanted = wanted * found.sum() / wanted.sum()
            assert stats.chisquare(found, wanted).pvalue > UNLIKELY


# The kernel of labels.


def test_whole_number_weights_are_the_gaussian_kernel():
    labels = np.random.default_rng(0).normal(size=(60, 1))
    legal = ~np.eye(60, dtype=bool)
    found = (
        label_kernels.kernel(label_kernels.levels(labels, labels, 0.4), legal)
        .numpy()
        .astype("float64")
    )
    found /= found.sum(axis=1, keepdims=True)
    expected = gaussian(labels, labels, 0.4)
    near = np.abs(labels - labels.T) < 0.8
    np.testing.assert_allclose(found[near], expected[near], rtol=0.015)
    assert np.abs(found - expected).sum(axis=1).max() < 0.02


@pytest.mark.parametrize("bandwidth", [0.2, 1.0, 50.0])
def test_partners_follow_the_kernel(bandwidth):
    partners = drawn(ByLabel(bandwidth), NUMBERS)
    assert_follow(partners, gaussian(NUMBERS, NUMBERS, bandwidth))
    assert (partners != np.arange(7)).all()
    batch = batch_of(NUMBERS)
    weights = ByLabel(bandwidth).weights(batch)
    for seed in SEEDS:
        expected = random.by_weight(seed_of(seed), weights)
        np.testing.assert_array_equal(ByLabel(bandwidth).draw(batch, seed_of(seed)), expected)


def test_several_targets_are_compared_by_euclidean_distance():
    labels = np.random.default_rng(1).normal(size=(6, 3)).astype("float32")
    assert_follow(drawn(ByLabel(1.5), labels), gaussian(labels, labels, 1.5))


def test_default_bandwidth_is_half_the_standard_deviation():
    assert_follow(drawn(ByLabel(), NUMBERS), gaussian(NUMBERS, NUMBERS, 0.5 * NUMBERS.std()))
    labels = np.random.default_rng(1).normal(size=(6, 2)) * [1, 3] + 1e6
    bandwidth = 0.5 * np.sqrt(labels.var(axis=0).sum())
    assert_follow(drawn(ByLabel(), labels), gaussian(labels, labels, bandwidth))


def test_default_bandwidth_where_all_labels_are_one():
    assert_follow(drawn(ByLabel(), np.ones(5)), (1 - np.eye(5)) / 4)


def test_oneself_is_a_partner_if_that_is_said():
    partners = drawn(ByLabel(0.5, include_self=True), NUMBERS)
    assert_follow(partners, gaussian(NUMBERS, NUMBERS, 0.5, others=False))


def test_donors_of_another_batch_follow_the_kernel():
    donors = NUMBERS[::-1][:4] + 0.1
    partners = drawn(ByLabel(0.5), NUMBERS, donors)
    assert_follow(partners, gaussian(NUMBERS, donors, 0.5, others=False))


def test_a_sample_far_from_all_has_the_nearest_for_a_partner():
    labels = np.array([0.0, 1.0, 1e6, 1e6 + 2e4])
    for seed in SEEDS:
        partners = ByLabel(0.1).draw(batch_of(labels), seed_of(seed))
        np.testing.assert_array_equal(partners, [1, 0, 3, 2])


def test_a_label_that_is_not_finite_pairs_with_nobody():
    labels = np.array([0.0, np.nan, 0.1, np.inf, 0.2])
    for pairing in (ByLabel(), ByLabel(1.0)):
        for seed in SEEDS:
            partners = pairing.draw(batch_of(labels), seed_of(seed)).numpy()
            np.testing.assert_array_equal(partners[[1, 3]], [1, 3])
            assert not np.isin(partners[[0, 2, 4]], [1, 3]).any()


# Classes.


def uniform(legal):
    return legal / legal.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("form", ["ids", "column", "one-hot"])
def test_same_and_different_classes(form):
    labels = {"ids": IDS, "column": IDS[:, None], "one-hot": np.eye(3, dtype="f4")[IDS]}[form]
    alike = IDS[:, None] == IDS
    same = alike & ~np.eye(7, dtype=bool)
    same[6, 6] = True  # The only one of its class stays with itself.
    assert_follow(drawn(ByClass("same"), labels), uniform(same))
    assert_follow(drawn(ByClass("different"), labels), uniform(~alike))


@pytest.mark.parametrize("exponent", [0, 0.5, 1, 2])
def test_rare_classes_are_favoured(exponent):
    rarity = np.array([4, 4, 4, 4, 2, 2, 1.0]) ** -exponent
    shares = uniform(rarity * ~np.eye(7, dtype=bool))
    assert_follow(drawn(ByClass("rare", exponent=exponent), IDS), shares)


def test_rarity_in_the_training_set():
    counts = [1000, 10, 250]
    rarity = 1 / np.array(counts)[IDS]
    pairing = ByClass("rare", class_counts=counts)
    assert_follow(drawn(pairing, IDS), uniform(rarity * ~np.eye(7, dtype=bool)))
    pairing = ByClass("different", exponent=1, class_counts=np.array(counts))
    assert_follow(drawn(pairing, IDS), uniform(rarity * (IDS[:, None] != IDS)))


def test_classes_of_another_batch():
    donors = np.array([2, 0, 0])
    legal = IDS[:, None] == donors
    batch = batch_of(IDS, donors)
    partners = np.array([ByClass("same").draw(batch, seed_of(seed)) for seed in SEEDS])
    found = ByClass("same").finds(batch).numpy()
    np.testing.assert_array_equal(found, legal.any(axis=1))
    assert legal[np.arange(7), partners][:, found].all()


def test_who_finds_nobody_in_another_batch_stays_unmixed_with_its_label():
    x = np.arange(7, dtype="float32")[:, None]
    layer = MixUp(alpha=8.0, pairing=ByClass("same"), num_classes=3)
    donors = (np.full((3, 1), 100, "float32"), np.array([2, 0, 0]))
    for per in ("sample", "batch"):
        layer.per = per
        mixed, labels = layer((x, IDS), partners=donors, seed=seed_of())
        np.testing.assert_array_equal(mixed[4:6], x[4:6])
        assert (mixed.numpy()[[0, 1, 2, 3, 6]] > 10).all()
        np.testing.assert_allclose(labels, np.eye(3)[IDS], atol=1e-6)


# All modes, all mixers.


@pytest.mark.parametrize("pairing", PAIRINGS, ids=repr)
@pytest.mark.parametrize("compile_all", [False, True], ids=["graph", "all in XLA"])
def test_partners_are_the_same_in_every_mode(pairing, compile_all):
    rng = np.random.default_rng(0)
    by_label = isinstance(pairing, ByLabel)
    labels = rng.normal(size=40).astype("f4") * 3 + 100 if by_label else rng.integers(0, 3, 40)

    def draw(y, donors, seed):
        inside = Batch(40, 40, False, 40, None, y, y, donor_labels=y)
        crossed = Batch(40, 25, True, 40, None, y, y, donor_labels=donors)
        return pairing.draw(inside, seed), pairing.draw(crossed, seed), pairing.finds(crossed)

    compiled = tf.function(draw, jit_compile=compile_all)
    for seed in SEEDS[2:4]:
        arguments = tf.constant(labels), tf.constant(labels[::-1][:25]), seed_of(seed)
        for found, eager in zip(compiled(*arguments), draw(*arguments), strict=True):
            np.testing.assert_array_equal(found, eager, f"seed {seed}")


@pytest.mark.parametrize("make", [MixUp, CutMix, RICAP])
@pytest.mark.parametrize("pairing", [ByClass("same"), ByClass("different")], ids=repr)
def test_any_mixer_takes_them(make, pairing):
    ids = np.arange(12) % 3
    layer = make(alpha=8.0, num_classes=3, pairing=pairing)
    images = np.tile(ids[:, None, None, None].astype("uint8"), (1, 6, 6, 1))
    _, eager = layer(images, ids, seed=seed_of())
    dataset = tf.data.Dataset.from_tensor_slices((images, ids)).batch(12)
    _, mapped = next(iter(dataset.map(lambda x, y: layer(x, y, seed=seed_of()))))
    np.testing.assert_array_equal(mapped, eager)
    own = eager.numpy()[np.arange(12), ids]
    assert (own > 1 - 1e-6).all() if pairing.relation == "same" else (own < 0.999).all()


def test_a_mixer_of_several_and_a_dataset_take_them():
    y = np.linspace(0, 1, 20, dtype="f4")
    near = ByLabel(0.05)
    layer = RandomChoice([MixUp(8.0, pairing=near), CutMix(1.0, pairing=near)])
    images = np.tile(y[:, None, None, None], (1, 4, 4, 1))
    source = tf.data.Dataset.from_tensor_slices((images, y)).batch(20)
    (first,), (again,) = (list(data.mix(source, layer, seed=3)) for _ in range(2))
    np.testing.assert_array_equal(first[0], again[0])
    assert 0 < np.abs(first[1] - y).max() < 0.25


@pytest.mark.parametrize("pairing", PAIRINGS, ids=repr)
def test_saved_with_their_mixer(pairing):
    layer = MixUp(alpha=1.0, pairing=pairing, num_classes=3)
    config = json.loads(json.dumps(layer.get_config()))
    assert MixUp.from_config(config).get_config() == layer.get_config()
    saved = json.dumps(keras.saving.serialize_keras_object(RandomChoice([MixUp(pairing=pairing)])))
    loaded = keras.saving.deserialize_keras_object(json.loads(saved)).mixers[0]
    assert repr(loaded.pairing) == repr(pairing)


def test_saved_in_a_model_file(tmp_path):
    base = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model = MixingModel(base, mixer=MixUp(pairing=ByClass("rare", class_counts=[3, 1])))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert repr(loaded.mixers[0].pairing) == repr(model.mixers[0].pairing)


def test_written_on_the_command_line():
    rare = "cutmix:pairing=ByClass('rare', exponent=2)"
    text = f"mixup:alpha=2,pairing=ByLabel(bandwidth=0.5),rate=0.5,{rare}"
    mixup, cutmix = mixers.parse(text).values()
    assert repr(mixup.pairing) == repr(ByLabel(0.5))
    assert (mixup.rate, repr(cutmix.pairing)) == (0.5, repr(ByClass("rare", exponent=2)))
    for wrong in ("ByLabel(bandwith=2)", "ByLabel(bandwidth=-1)", "ByClass(relation)"):
        with pytest.raises(ValueError, match=r"refused|bandwidth|malformed"):
            mixers.parse(f"mixup:pairing={wrong}")


def test_in_order_takes_what_was_arranged():
    x, other = np.zeros((5, 2), "f4"), np.arange(10, dtype="f4").reshape(5, 2) + 1
    mixed = MixUp(alpha=8.0, pairing=InOrder())(x, partners=other, seed=seed_of())
    share = mixed.numpy() / other
    np.testing.assert_allclose(share[:, 0], share[:, 1], rtol=1e-5)
    assert ((share > 0) & (share < 1)).all()
    sources, _ = packed(MixUp(label_mode="pairs", pairing=InOrder()), 5)
    np.testing.assert_array_equal(sources[:, 1], np.arange(5))


def test_weights_are_drawn_by_their_share():
    weights = tf.tile(tf.constant([[0, 5, 2**40, 0, 2**41, 1]], tf.int64), [20_000, 1])
    columns = random.by_weight(seed_of(), weights).numpy()
    counts = np.bincount(columns, minlength=6)
    assert counts[[0, 1, 3, 5]].sum() == 0
    assert stats.binomtest(int(counts[2]), 20_000, 1 / 3).pvalue > UNLIKELY
    assert random.by_weight(seed_of(), tf.zeros([3, 4], tf.int64)).numpy().tolist() == [-1] * 3


# Refusals.


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: ByLabel(0), r"`bandwidth` must be a finite number above 0. Received: bandwidth=0"),
        (lambda: ByLabel(-1), r"`bandwidth` must be .* Received: bandwidth=-1"),
        (lambda: ByLabel("wide"), r"Received: bandwidth='wide'"),
        (lambda: ByClass("near"), r"`relation` must be one of \['same', 'different', 'rare'\]"),
        (lambda: ByClass(exponent=-1), r"`exponent` must be .* at least 0. Received: exponent=-1"),
        (lambda: ByClass(class_counts=[3]), r"`class_counts` must list the number .*\[3\]"),
        (lambda: ByClass(class_counts=[3, 0]), r"`class_counts` must be a finite number above 0"),
        (lambda: MixUp(pairing=ByLabel), r"`pairing` must be one of .* or of keras_mix.pairings"),
        (lambda: MixUp(pairing=3), r"`pairing` must be one of .* Received: pairing=3"),
    ],
)
def test_an_option_out_of_range(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


X = np.zeros((4, 3), "f4")


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: MixUp(pairing=ByLabel())(X), r"ByLabel: the batch must have labels"),
        (lambda: MixUp(pairing=ByClass())(X), r"inputs alone. Call `layer\(x, y\)`"),
        (
            lambda: MixUp(pairing=ByLabel())(X, X, partners=X),
            r"the second batch must have labels too",
        ),
        (
            lambda: MixUp(pairing=ByLabel())(X, np.zeros((4, 3, 2), "f4")),
            r"labels must be numbers \(B,\) or \(B, K\). Received: .*\(4, 3, 2\)",
        ),
        (
            lambda: MixUp(pairing=ByClass())(X, np.zeros((4, 3, 2), "f4")),
            r"labels must be class ids .* Received: .*\(4, 3, 2\)",
        ),
    ],
)
def test_a_batch_without_labels_to_compare(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


def test_inside_a_model_no_labels_are_seen():
    base = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model = MixingModel(base, mixer=MixUp(pairing=ByLabel()))
    model.compile("sgd", "mse", run_eagerly=True)
    with pytest.raises(ValueError, match="not inside a model"):
        model.fit(X, X[:, :1], verbose=0)


def test_what_must_be_defined():
    with pytest.raises(TypeError, match=r"abstract.*draw"):
        pairings.Pairing()
    assert TabularMix(pairing=ByLabel()).pairing.bandwidth is None


@pytest.mark.parametrize("mode", ["eager", "graph"])
def test_the_kernel_is_made_once_for_a_batch_and_its_partners(mode, monkeypatch):
    made = []
    kernel = label_kernels.kernel
    monkeypatch.setattr(label_kernels, "kernel", lambda *args: made.append(1) or kernel(*args))
    labels = np.array([0.0, 1.0, np.nan, 3.0], "float32")
    layer = MixUp(pairing=ByLabel(), alpha=1.0)
    call = layer if mode == "eager" else tf.function(layer)
    batch, donors = (np.zeros((4, 1), "f4"), labels), (np.ones((4, 1), "f4"), labels + 0.5)
    x, _ = call(*map(tf.constant, batch), partners=tuple(map(tf.constant, donors)))
    assert len(made) == 1
    # A sample that no donor can be found for stays as it is.
    np.testing.assert_array_equal(x[2], batch[0][2])
    RICAP(pairing=ByLabel(), label_mode="values")(np.zeros((4, 4, 4, 1), "f4"), np.arange(4.0))
    assert len(made) == 2


@pytest.mark.parametrize("pairing", [*PAIRINGS, "shuffle", "derange", "reverse", "roll"], ids=str)
def test_an_empty_batch_stays_empty(pairing):
    layer = MixUp(pairing=pairing, num_classes=3)
    x, ids = tf.zeros([0, 2]), tf.zeros([0], tf.int32)
    sizes = tf.TensorSpec([None, 2]), tf.TensorSpec([None], tf.int32)
    for call in (layer, tf.function(layer), tf.function(lambda x, y: layer(x, y), sizes)):
        mixed, labels = call(x, ids)
        assert (mixed.shape, labels.shape) == ((0, 2), (0, 3))
    mixed, labels = layer(x, ids, partners=(tf.ones([4, 2]), tf.range(4) % 3))
    assert (mixed.shape, labels.shape) == ((0, 2), (0, 3))


@pytest.mark.parametrize("pairing", [*PAIRINGS, "shuffle", "derange", "reverse", "roll"], ids=str)
def test_partners_without_a_sample_are_refused(pairing):
    layer = MixUp(pairing=pairing, num_classes=3)
    batch, sentence = (tf.zeros([4, 2]), tf.range(4) % 3), "`partners` must hold at least one "
    with pytest.raises(ValueError, match=f"^MixUp: {sentence}sample. Received: none. Leave it out"):
        layer(*batch, partners=(batch[0][:0], batch[1][:0]))
    sizes = tf.TensorSpec([None, 2]), tf.TensorSpec([None], tf.int32)
    call = tf.function(lambda x, y: layer(*batch, partners=(x, y)), sizes, autograph=False)
    with pytest.raises(tf.errors.InvalidArgumentError, match=sentence):
        call(batch[0][:0], batch[1][:0])
