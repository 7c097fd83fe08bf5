"""Remix, and labels that are weighed otherwise than by what is in a sample."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from contract import constant_images, seed_of

from keras_mix import label_rules
from keras_mix.label_rules import Remix
from keras_mix.layers import (
    RICAP,
    CutMix,
    MixUp,
    RandomApply,
    RandomChoice,
    SequenceOptions,
    TabularMix,
)
from keras_mix.models import MixingModel
from keras_mix.pairings import ByClass

COUNTS = [900, 290, 100]
IDS = np.arange(60) % 3


def remix(share, first, second, kappa, tau):
    """The paper's rule for one pair."""
    if first / second >= kappa and share < tau:
        return 0.0
    if first / second <= 1 / kappa and 1 - share < tau:
        return 1.0
    return share


@pytest.mark.parametrize("per", ["sample", "batch"])
@pytest.mark.parametrize(("kappa", "tau"), [(3, 0.5), (9, 1.0), (1, 0.2), (100, 0.5)])
@pytest.mark.parametrize("make", [MixUp, CutMix, TabularMix])
def test_labels_follow_the_rule_and_images_the_law(make, kappa, tau, per):
    options = {"alpha": 1.0, "num_classes": 60, "pairing": "derange", "per": per}
    images = constant_images(60, 9, 7)
    ids = np.arange(60)
    plain, law = make(**options)(images, ids, seed=seed_of())
    rule = Remix(np.array(COUNTS)[IDS], kappa=kappa, tau=tau)
    mixed, labels = make(**options, label_rule=rule)(images, ids, seed=seed_of())
    np.testing.assert_array_equal(mixed, plain)
    changed = 0
    for i, row in enumerate(law.numpy()):
        j = next(j for j in np.nonzero(row)[0] if j != i) if row[i] < 1 else i
        expected = np.zeros(60)
        share = remix(row[i], COUNTS[IDS[i]], COUNTS[IDS[j]], kappa, tau)
        expected[j] += 1 - share
        expected[i] += share
        np.testing.assert_allclose(labels[i], expected, atol=1e-6)
        changed += abs(share - row[i]) > 1e-3
    assert (changed > 0) == (kappa < 100)


def test_weights_of_samples_and_packed_pairs_follow_the_labels():
    rule = Remix([900, 100])
    ids, weights = np.array([0, 1]), np.array([1.0, 5.0], "f4")
    options = {"alpha": 1e6, "pairing": "derange", "label_rule": Remix([900, 100], tau=1.0)}
    _, labels, mixed = MixUp(num_classes=2, **options)(
        np.zeros((2, 3), "f4"), ids, weights, seed=seed_of()
    )
    np.testing.assert_array_equal(labels, [[0, 1], [0, 1]])
    np.testing.assert_array_equal(mixed, [5, 5])
    _, packed = MixUp(label_mode="pairs", **options)(np.zeros((2, 3), "f4"), ids, seed=seed_of())
    np.testing.assert_array_equal(packed[:, 1], [[0, 1], [1, 0]])
    assert rule.kappa == 3


def test_dense_targets_keep_to_the_law():
    x = np.array([[0.0], [1.0]], "f4")
    y = {"id": np.array([0, 1]), "value": np.array([0.0, 1.0], "f4")}
    layer = MixUp(alpha=1e6, pairing="roll", label_rule=Remix([9, 1], tau=1), num_classes={"id": 2})
    mixed, labels = layer(x, y, seed=seed_of())
    np.testing.assert_allclose(labels["value"], mixed[:, 0], atol=1e-6)
    np.testing.assert_array_equal(labels["id"], [[0, 1], [0, 1]])


def test_a_rule_without_a_label_is_refused():
    layer = MixUp(label_rule=Remix([9, 1]))
    with pytest.raises(
        ValueError, match=r"^MixUp: `label_rule` .* a target must be a label.*y: values"
    ):
        layer(np.zeros((2, 1), "f4"), np.array([0.0, 1.0], "f4"))


def test_what_is_not_mixed_keeps_its_label():
    rule = Remix([900, 100], tau=1.0)
    for layer in (
        MixUp(alpha=1.0, rate=0.5, label_rule=rule, num_classes=2, pairing="roll"),
        RandomApply(MixUp(alpha=1.0, pairing="roll"), rate=0.5, label_rule=rule, num_classes=2),
        MixUp(alpha=0, label_rule=Remix([900, 100]), num_classes=2, pairing="roll"),
    ):
        x = np.arange(40, dtype="f4")[:, None]
        mixed, labels = layer(x, np.arange(40) % 2, seed=seed_of())
        kept = mixed.numpy()[:, 0] == x[:, 0]
        assert kept.any()
        np.testing.assert_array_equal(labels[kept], np.eye(2)[np.arange(40) % 2][kept])


@pytest.mark.parametrize("mode", ["graph", "all in XLA", "tf.data"])
def test_the_same_in_every_mode_and_for_several_mixers(mode):
    mixers = [MixUp(1.0, pairing=ByClass("rare")), CutMix(1.0)]
    layer = RandomChoice(mixers, label_rule=Remix(COUNTS), num_classes=3)
    batch = constant_images(60, 6, 6, "float32"), IDS
    eager = layer(batch, seed=seed_of())
    if mode == "tf.data":
        dataset = tf.data.Dataset.from_tensor_slices(batch).batch(60)
        found = next(iter(dataset.map(lambda x, y: layer(x, y, seed=seed_of()))))
    else:
        mix = tf.function(layer, jit_compile=mode == "all in XLA")
        found = mix(tuple(map(tf.constant, batch)), seed=seed_of())
    for one, other in zip(found, eager, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    law, plain = RandomChoice(mixers, num_classes=3)(batch, seed=seed_of()), eager[1]
    assert np.abs(law[1] - plain).max() > 0.1


def test_partners_of_another_batch_bring_their_classes():
    own, donors = (
        (np.zeros((2, 1), "f4"), np.array([0, 0])),
        (np.ones((2, 1), "f4"), np.array([1, 1])),
    )
    layer = MixUp(alpha=1e6, label_rule=Remix([9, 1], tau=1.0), num_classes=2)
    _, labels = layer(own, partners=donors, seed=seed_of())
    np.testing.assert_array_equal(labels, [[0, 1], [0, 1]])


def test_saved_with_its_mixer():
    layer = MixUp(label_rule=Remix(np.array([3, 1]), kappa=2, tau=0.25), num_classes=2)
    saved = json.dumps(keras.saving.serialize_keras_object(layer))
    loaded = keras.saving.deserialize_keras_object(json.loads(saved))
    assert repr(loaded.label_rule) == "Remix(class_counts=[3.0, 1.0], kappa=2.0, tau=0.25)"
    assert loaded.get_config() == layer.get_config()


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Remix(None), r"`class_counts` must be given"),
        (lambda: Remix(5), r"`class_counts` must list the number .* Received: .*=5"),
        (lambda: Remix([3, 1], kappa=0.5), r"`kappa` must be a finite number of at least 1"),
        (lambda: Remix([3, 1], tau=2), r"`tau` must be a finite number between 0 and 1"),
        (
            lambda: MixUp(label_rule="remix"),
            r"`label_rule` must be None, or one of keras_mix.label",
        ),
        (
            lambda: RandomApply(MixUp(label_rule=Remix([3, 1]))),
            r"`label_rule` belongs to the RandomApply",
        ),
        (
            lambda: RICAP(num_classes=3, label_rule=Remix(COUNTS))(
                constant_images(6, 4, 4), IDS[:6]
            ),
            r"Remix: the plan must have two sources. Received: 4 sources",
        ),
        (
            lambda: MixUp(label_rule=Remix(COUNTS))(np.zeros((4, 2), "f4")),
            r"Remix: the batch must have labels",
        ),
    ],
)
def test_bad_input(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


@pytest.mark.parametrize("counts", [[900, 290], [900, 290, 100, 5]], ids=["fewer", "more"])
@pytest.mark.parametrize("mode", ["eager", "graph", "all in XLA"])
@pytest.mark.parametrize(
    "make",
    [
        lambda counts, **options: MixUp(label_rule=Remix(counts), **options),
        lambda counts, **options: MixUp(pairing=ByClass("rare", class_counts=counts), **options),
    ],
    ids=["Remix", "ByClass"],
)
def test_counts_of_other_classes_are_refused(make, mode, counts):
    sentence = rf"`class_counts` must hold one number for each class.*: {len(counts)} numbers, and "
    x, ids, one_hot = np.zeros((60, 2), "f4"), IDS, np.eye(3, dtype="f4")[IDS]
    for options, y in (
        ({"num_classes": 3}, ids),
        ({"num_classes": {"y": 3}}, ids[:, None]),
        ({"num_classes": 3, "label_mode": "pairs"}, ids),
        ({}, one_hot),
    ):
        layer = make(counts, **options)
        call = layer if mode == "eager" else tf.function(layer, jit_compile=mode != "graph")
        with pytest.raises(ValueError, match=rf"{sentence}3 classes\. Count the samples of every"):
            call(tf.constant(x), tf.constant(y))


def test_packed_ids_beyond_the_counts_are_refused():
    x, layer = tf.zeros([60, 2]), MixUp(label_rule=Remix(COUNTS[:2]), label_mode="pairs")
    sentence = r"Remix: `class_counts` must hold one .* Received: 2 numbers, and "
    with pytest.raises(ValueError, match=rf"^{sentence}class ids from 0 to 2\. Count"):
        layer(x, IDS)
    with pytest.raises(tf.errors.InvalidArgumentError, match=sentence):
        tf.function(layer)(x, tf.constant(IDS))
    layer(x, IDS % 2)


def test_a_model_mixes_labels_by_the_law():
    base = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    with pytest.raises(ValueError, match=r"labels are mixed in the loss, .* label_rule=Remix"):
        MixingModel(base, mixer=MixUp(label_rule=Remix([3, 1])))


def test_what_must_be_defined():
    with pytest.raises(TypeError, match=r"abstract.*weights"):
        label_rules.LabelRule()


PADDED = {
    "lengths": ({"kinds": {"valid": "lengths"}}, np.array([20, 4, 11, 1, 17, 8])),
    "masks": (
        {"kinds": {"valid": "masks"}},
        np.arange(20) < np.array([20, 4, 11, 1, 17, 8])[:, None],
    ),
    "token ids": (
        {"kinds": {"valid": "token_ids"}, "sequences": SequenceOptions(padding_id=0)},
        np.arange(1, 21) * (np.arange(20) < np.array([20, 4, 11, 1, 17, 8])[:, None]),
    ),
}


@pytest.mark.parametrize("told", PADDED)
@pytest.mark.parametrize(
    "make",
    [
        lambda **options: CutMix(spatial_dims=1, rate=0.7, **options),
        lambda **options: RandomApply(CutMix(spatial_dims=1), rate=0.7, **options),
        lambda **options: RandomChoice([CutMix(spatial_dims=1)] * 2, **options),
    ],
    ids=["mixer", "apply", "choice"],
)
def test_a_rule_reads_the_weights_that_are_counted_without_padding(make, told):
    options, valid = PADDED[told]
    x = {"sound": constant_images(6, 20, 1, "float32")[..., 0], "valid": valid}
    ids, counts = np.arange(6), np.array([900, 10, 500, 20, 900, 30])
    for partners in (None, (tf.nest.map_structure(lambda a: a[::-1].copy(), x), ids[::-1].copy())):
        _, law = make(label_mode="pairs", **options)(x, ids, seed=seed_of(), partners=partners)
        for kappa, tau in ((1e9, 0.5), (3, 1.0)):
            layer = make(
                label_mode="pairs", label_rule=Remix(counts, kappa=kappa, tau=tau), **options
            )
            _, pairs = layer(x, ids, seed=seed_of(), partners=partners)
            expected = [
                remix(weights[0], *counts[list(map(int, sources))], kappa, tau)
                for sources, weights in law.numpy()
            ]
            np.testing.assert_allclose(pairs[:, 1, 0], expected, atol=1e-6)

    if told == "lengths":
        _, graph = tf.function(layer)(x, ids, seed=seed_of(), partners=partners)
        np.testing.assert_allclose(graph[:, 1, 0], expected, atol=1e-6)


@keras.saving.register_keras_serializable("test_label_rules")
class Partner(label_rules.LabelRule):
    """The whole label to the partner."""

    def weights(self, batch, plan):
        return tf.one_hot(tf.ones_like(plan.sources[:, 0]), 2)


def test_a_rule_leaves_the_label_of_what_is_not_mixed():
    x, ids = constant_images(6, 4, 4), np.arange(6)
    mixers = [MixUp(alpha=1.0, rate=0.5, pairing="roll"), CutMix(rate=0.5, pairing="roll")]
    layer = RandomChoice(mixers, label_rule=Partner(), num_classes=6)
    for partners in (None, (x + 100, np.roll(ids, 1))):
        mixed, labels = layer(x, ids, seed=seed_of(), partners=partners)
        kept = np.all(mixed.numpy() == x, axis=(1, 2, 3))
        assert 0 < kept.sum() < 6
        np.testing.assert_array_equal(np.argmax(labels, axis=1)[kept], ids[kept])
