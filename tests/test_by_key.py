"""ByKey: partners of the same label from another domain, or the reverse."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from contract import SEEDS, seed_of
from scipy import stats

from keras_mix._core.batch.batch import Batch, Head
from keras_mix.evaluate import mixers
from keras_mix.layers import RICAP, CutMix, MixUp, RandomChoice
from keras_mix.pairings import ByKey

UNLIKELY = 1e-4
#                    0  1  2  3  4  5  6  7  8
LABELS = np.array([0, 0, 0, 1, 1, 1, 0, 1, 2])
DOMAINS = np.array([0, 0, 1, 0, 1, 1, 2, 2, 3])
SAME_LABEL, SAME_DOMAIN = (each[:, None] == each for each in (LABELS, DOMAINS))
WANTED = {"label": SAME_LABEL & ~SAME_DOMAIN, "key": SAME_DOMAIN & ~SAME_LABEL}


def batch_of(labels=LABELS, domains=DOMAINS, donors=None, draws=None):
    crossed = donors is not None
    other = donors if crossed else (labels, domains)
    y, other_y, key, other_key = map(tf.constant, (labels, other[0], domains, other[1]))
    return Batch(
        size=len(labels),
        donors=len(other[0]),
        has_second_batch=crossed,
        draws=len(labels) if draws is None else draws,
        grid=None,
        images=y,
        labels=y,
        donor_labels=other_y,
        heads=(Head("y", "class_ids", y, other_y),),
        unmixed=(Head("x/domain", "passthrough", key, other_key),),
    )


def draws_of(pairing, batch, count=400):
    seeds = tf.constant(np.random.default_rng(0).integers(-(2**31), 2**31, (count, 2)), tf.int32)
    return np.array([pairing.draw(batch, seed) for seed in seeds])


@pytest.mark.parametrize("same", ["label", "key"])
def test_partners_share_one_thing_and_not_the_other(same):
    drawn = draws_of(ByKey("domain", same=same), batch_of())
    for i, column in enumerate(drawn.T):
        wanted = np.flatnonzero(WANTED[same][i])
        if len(wanted) == 0:
            assert (column == i).all()
            continue
        counts = np.bincount(column, minlength=9)
        assert counts.sum() == counts[wanted].sum()
        assert len(wanted) == 1 or stats.chisquare(counts[wanted]).pvalue > UNLIKELY


def test_a_number_is_the_probability_of_the_same_label():
    pairing = ByKey("domain", same=0.3)
    drawn = draws_of(pairing, batch_of())
    # These have partners of both kinds, 8 has none, and 1 and 2 are as 0.
    for i in (0, 1, 2, 3, 4):
        by_label = WANTED["label"][i][drawn[:, i]]
        assert (by_label | WANTED["key"][i][drawn[:, i]]).all()
        assert stats.binomtest(int(by_label.sum()), 400, 0.3).pvalue > UNLIKELY
    assert (drawn[:, 8] == 8).all()
    # One draw for the batch chooses for all samples alike.
    alike = draws_of(pairing, batch_of(draws=1), 60)[:, :5]
    kinds = np.array([[WANTED["label"][i][each] for i, each in enumerate(row)] for row in alike])
    assert (kinds == kinds[:, :1]).all()
    assert 0 < kinds[:, 0].sum() < 60


def test_the_other_kind_is_taken_where_one_has_no_partner():
    labels, domains = np.array([0, 0, 1]), np.array([0, 1, 1])
    drawn = draws_of(ByKey("domain", same=0.5), batch_of(labels, domains), 40)
    # 0 has a partner of its label alone, 2 of its domain alone.
    assert (drawn[:, [0, 2]] == 1).all()
    assert set(drawn[:, 1]) == {0, 2}
    for same, unmixed in (("label", 2), ("key", 0)):
        assert (
            draws_of(ByKey("domain", same=same), batch_of(labels, domains), 9)[:, unmixed]
            == unmixed
        ).all()


@pytest.mark.parametrize("same", ["label", "key", 0.5])
def test_partners_of_another_batch(same):
    donors = np.array([0, 1, 1, 2]), np.array([1, 0, 2, 2])
    same_label, same_domain = (
        own[:, None] == other for own, other in zip((LABELS, DOMAINS), donors, strict=True)
    )
    wanted = {"label": same_label & ~same_domain, "key": same_domain & ~same_label}
    wanted = wanted.get(same, wanted["label"] | wanted["key"])
    batch = batch_of(donors=donors)
    np.testing.assert_array_equal(ByKey("domain", same=same).finds(batch), wanted.any(axis=1))
    drawn = draws_of(ByKey("domain", same=same), batch, 40)
    for i in np.flatnonzero(wanted.any(axis=1)):
        assert wanted[i][drawn[:, i]].all()


X = np.arange(9, dtype="float32")[:, None]


@pytest.mark.parametrize("form", ["integers", "column", "strings", "booleans"])
def test_a_mixer_reads_the_domain_and_returns_it(form):
    domains = {
        "integers": DOMAINS,
        "column": DOMAINS[:, None],
        "strings": DOMAINS.astype(str),
        "booleans": DOMAINS > 0,
    }[form]
    alike = domains.reshape(-1)[:, None] == domains.reshape(-1)
    layer = MixUp(8.0, pairing=ByKey("domain"), passthrough=["domain"], num_classes=3)
    batch = {"a": X, "domain": domains}, LABELS

    def mix(x, y):
        return layer(x, y, seed=seed_of())

    mapped = next(iter(tf.data.Dataset.from_tensor_slices(batch).batch(9).map(mix)))
    for x, y in (mix(*batch), mapped):
        np.testing.assert_array_equal(x["domain"].numpy().astype(domains.dtype), domains)
        np.testing.assert_allclose(y, np.eye(3)[LABELS], atol=1e-6)
        changed = (x["a"].numpy() != X)[:, 0]
        np.testing.assert_array_equal(changed, (SAME_LABEL & ~alike).any(axis=1))


def test_the_domain_is_a_target():
    layer = MixUp(8.0, pairing=ByKey("domain", same="key"), num_classes={"label": 3, "domain": 4})
    _, y = layer(X, {"label": LABELS, "domain": DOMAINS}, seed=seed_of())
    np.testing.assert_allclose(y["domain"], np.eye(4)[DOMAINS], atol=1e-6)
    changed = np.abs(y["label"] - np.eye(3)[LABELS]).max(axis=1) > 0.01
    np.testing.assert_array_equal(changed, WANTED["key"].any(axis=1))


def test_images_and_several_partners():
    images = np.tile(LABELS.astype("uint8")[:, None, None, None], (1, 6, 6, 1))
    batch = ({"image": images, "d": DOMAINS}, LABELS)
    for make in (CutMix, RICAP):
        layer = make(8.0, pairing=ByKey("d"), passthrough=["d"], num_classes=3)
        _, labels = layer(batch, seed=seed_of())
        np.testing.assert_allclose(labels, np.eye(3)[LABELS], atol=1e-6)
    inner = [MixUp(8.0, pairing=ByKey("d")), CutMix(8.0, pairing=ByKey("d"))]
    _, labels = RandomChoice(inner, passthrough=["d"], num_classes=3)(batch, seed=seed_of())
    np.testing.assert_allclose(labels, np.eye(3)[LABELS], atol=1e-6)


@pytest.mark.parametrize("compile_all", [False, True], ids=["graph", "all in XLA"])
def test_partners_are_the_same_in_every_mode(compile_all):
    pairing = ByKey("domain", same=0.5)

    def draw(seed):
        return pairing.draw(batch_of(), seed)

    compiled = tf.function(draw, jit_compile=compile_all)
    for seed in map(seed_of, SEEDS):
        np.testing.assert_array_equal(compiled(seed), draw(seed))


def test_saved_with_their_mixer_and_written_on_the_command_line():
    pairing = ByKey("hospital", same=0.5, target="label")
    layer = MixUp(pairing=pairing, passthrough=["hospital"])
    saved = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    assert repr(keras.saving.deserialize_keras_object(saved).pairing) == repr(pairing)
    (mixer,) = mixers.parse("mixup:pairing=ByKey('d', same='key')").values()
    assert repr(mixer.pairing) == "ByKey(key='d', same='key')"


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: ByKey(3), "`key` must be one name, a string. Received: key=3"),
        (lambda: ByKey(None), "`key` must be the name of a leaf. Received: key=None"),
        (lambda: ByKey("d", same="domain"), r"`same` must be one of \['label', 'key'\]"),
        (lambda: ByKey("d", same=1.5), "`same` must be .* between 0 and 1. Received: same=1.5"),
    ],
)
def test_an_option_out_of_range(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


def mixed(x, y, pairing=None, **options):
    layer = MixUp(pairing=pairing or ByKey("domain"), **{"num_classes": 3, **options})
    return layer(x, y, seed=seed_of())


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: mixed({"a": X, "site": DOMAINS}, LABELS, passthrough=["site"]),
            "`key` must name one of the leaves it can refer to.* Received: key='domain' beside y, "
            "x/site. Name the leaf with the domain of each sample",
        ),
        (
            lambda: mixed({"a": X, "domain": X[:, 0]}, LABELS, passthrough=["domain"]),
            r"`x/domain` must hold one domain per sample.* Received: dtype=float32, shape=\(9,\)",
        ),
        (
            lambda: mixed({"a": X, "domain": np.ones((9, 2), int)}, LABELS, passthrough=["domain"]),
            r"`x/domain` must hold one domain per sample.* shape=\(9, 2\)",
        ),
        (
            lambda: mixed(X, {"domain": DOMAINS}, num_classes=4),
            "the batch must have a label beside the key. Received: y/domain alone",
        ),
        (lambda: mixed(X, None, num_classes=None), "the batch must have labels"),
        (
            lambda: MixUp(pairing=ByKey("domain"), passthrough=["domain"], num_classes=3)(
                (X, {"label": LABELS, "domain": DOMAINS}),
                partners=(X, {"label": LABELS}),
            ),
            "`y/domain` must be in the second batch too",
        ),
    ],
)
def test_a_batch_without_the_key(call, sentence):
    with pytest.raises(ValueError, match=f"^ByKey: {sentence}"):
        call()
