"""CrossModalConsistencyLoss on every backend, against slow sums in numpy."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_mix.losses import CrossModalConsistencyLoss

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)
FIRST, SECOND = RNG.normal(size=(2, 6, 5)).astype("float32")
SOURCES = np.array([[0, 1], [1, 2], [2, 0], [3, 3], [4, 5], [5, 4]])
WEIGHTS = np.array([[0.7, 0.3], [0.2, 0.8], [1.0, 0.0], [0.5, 0.5], [0.4, 0.6], [0.9, 0.1]])
PLAN = np.stack([SOURCES, WEIGHTS], axis=1).astype("float32")
CLASSES = np.array([0, 1, 0, 2, 1, 1])
LABELS = np.stack([CLASSES[SOURCES], WEIGHTS], axis=1).astype("float32")


def share_matrix(sources, weights, names):
    """[B, len(names)], how much of each name is in each sample."""
    shares = np.zeros((len(sources), len(names)))
    for i, (row, values) in enumerate(zip(sources, weights, strict=True)):
        for source, weight in zip(row, values, strict=True):
            shares[i, list(names).index(source)] += weight
    return shares


def targets_of(packed, mixed):
    """[B, B], pair by pair, from what each side is made of."""
    ids, weights = packed[:, 0], packed[:, 1]
    names = np.unique(ids)
    of_mixed = share_matrix(ids, weights, names)
    of_clean = share_matrix(ids[:, :1], np.ones((len(ids), 1)), names)
    first = of_clean if mixed == "second" else of_mixed
    second = of_clean if mixed == "first" else of_mixed
    return np.array([[np.dot(row, column) for column in second] for row in first])


def info_nce(first, second, targets, temperature):
    """float64 [B], the mean of both directions."""
    unit = [v.astype(float) / np.linalg.norm(v, axis=1, keepdims=True) for v in (first, second)]
    losses = np.zeros(len(first))
    for a, b, shares in ((*unit, targets), (unit[1], unit[0], targets.T)):
        for i in range(len(first)):
            nearness = np.array([np.dot(a[i], other) for other in b]) / temperature
            logs = nearness - np.log(np.sum(np.exp(nearness)))
            if shares[i].sum() > 0:
                losses[i] -= 0.5 * np.sum(shares[i] / shares[i].sum() * logs)
    return losses


def unreduced(*args, **kwargs):
    return CrossModalConsistencyLoss(*args, reduction="none", **kwargs)


def stacked(first=FIRST, second=SECOND):
    return np.stack([first, second], axis=1)


@pytest.mark.parametrize("mixed", ["both", "first", "second"])
@pytest.mark.parametrize("packed", [PLAN, LABELS], ids=["plan", "labels"])
def test_info_nce_is_the_sum_pair_by_pair(packed, mixed):
    expected = info_nce(FIRST, SECOND, targets_of(packed, mixed), 0.2)
    found = unreduced("info_nce", temperature=0.2, mixed=mixed)(packed, stacked())
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-4)


def test_a_mixed_image_matches_its_sources_with_their_weights():
    """The gradient of the loss by the similarities is softmax minus target: see the targets."""
    expected = np.zeros((6, 6))
    for i in range(6):
        for source, weight in zip(SOURCES[i], WEIGHTS[i], strict=True):
            expected[i, source] += weight
    np.testing.assert_allclose(targets_of(PLAN, "first"), expected, atol=1e-6)
    # Given as they are, the sources' weights are the same loss.
    matrix = unreduced()(expected.astype("float32"), stacked())
    plan = unreduced(mixed="first")(PLAN, stacked())
    np.testing.assert_allclose(ops.convert_to_numpy(matrix), ops.convert_to_numpy(plan), rtol=1e-5)


def test_three_sources():
    sources = np.array([[0, 1, 2], [1, 2, 3], [2, 3, 0], [3, 3, 3], [4, 0, 4], [5, 4, 0]])
    packed = np.stack([sources, RNG.dirichlet(np.ones(3), 6)], axis=1).astype("float32")
    expected = info_nce(FIRST, SECOND, targets_of(packed, "both"), 0.07)
    found = unreduced()(packed, stacked())
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-4)


@pytest.mark.parametrize("ids", [np.arange(6), CLASSES, CLASSES[:, None], None])
def test_plain_ids_match_where_they_are_equal(ids):
    flat = np.arange(6) if ids is None else ids.reshape(-1)
    same = (flat[:, None] == flat[None]).astype(float)
    expected = info_nce(FIRST, SECOND, same, 0.07)
    found = unreduced("info_nce")(ids, stacked())
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-4)


def test_what_no_other_holds_adds_nothing():
    packed = np.array([[[0, 1], [0, 1]], [[1, 0], [1, 0]]], "float32")
    # Nobody holds anything of sample 0, so text 0 has no match.
    expected = info_nce(FIRST[:2], SECOND[:2], targets_of(packed, "first"), 0.07)
    found = unreduced(mixed="first")(packed, stacked(FIRST[:2], SECOND[:2]))
    assert targets_of(packed, "first")[:, 0].sum() == 0
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-4)


def test_cosine():
    norms = np.linalg.norm(FIRST, axis=1) * np.linalg.norm(SECOND, axis=1)
    found = ops.convert_to_numpy(unreduced("cosine")(PLAN, stacked()))
    np.testing.assert_allclose(found, 1 - (FIRST * SECOND).sum(1) / norms, rtol=1e-4, atol=1e-6)
    zeros = ops.convert_to_numpy(unreduced("cosine")(None, stacked(FIRST * 0, SECOND)))
    np.testing.assert_array_equal(zeros, 1)


def test_jensen_shannon_of_probabilities():
    p, q = RNG.dirichlet(np.full(5, 0.3), (2, 6)).astype("float32")
    p[0], q[0] = np.eye(5)[0], np.eye(5)[1]
    q[1] = p[1]
    expected = np.zeros(6)
    for i in range(6):
        for k in range(5):
            middle = (float(p[i, k]) + float(q[i, k])) / 2
            for value in (float(p[i, k]), float(q[i, k])):
                expected[i] += 0.5 * value * np.log(value / middle) if value > 0 else 0
    found = ops.convert_to_numpy(unreduced("jensen_shannon")(None, stacked(p, q)))
    np.testing.assert_allclose(found, expected, atol=2e-5)
    np.testing.assert_allclose(found[:2], [np.log(2), 0], atol=1e-5)


@pytest.mark.parametrize("temperature", [None, 2.5])
def test_jensen_shannon_of_logits_is_that_of_their_softmax(temperature):
    logits = 4 * stacked()
    soft = np.exp(logits / (temperature or 1.0))
    soft /= soft.sum(axis=-1, keepdims=True)
    found = unreduced("jensen_shannon", from_logits=True, temperature=temperature)(None, logits)
    expected = unreduced("jensen_shannon")(None, soft)
    np.testing.assert_allclose(
        ops.convert_to_numpy(found), ops.convert_to_numpy(expected), atol=1e-5
    )


@pytest.mark.parametrize("kind", ["cosine", "jensen_shannon", "info_nce"])
def test_a_pair_of_tensors_is_the_stack_and_weights_and_means_are_kerass(kind):
    first, second = np.abs(FIRST), np.abs(SECOND)
    losses = ops.convert_to_numpy(unreduced(kind)(PLAN, stacked(first, second)))
    weights = np.linspace(0, 2, 6).astype("float32")
    found = CrossModalConsistencyLoss(kind)(PLAN, (first, second), weights)
    assert losses.shape == (6,)
    np.testing.assert_allclose(float(found), (losses * weights).mean(), rtol=1e-5)


@keras.saving.register_keras_serializable(package="test_backends")
class Agreeing(keras.layers.Layer):
    """Adds the loss of its two inputs."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.loss = CrossModalConsistencyLoss("cosine")

    def call(self, inputs):
        self.add_loss(self.loss(None, inputs))
        return inputs[0]


def encoders():
    image, text = keras.Input((4,)), keras.Input((3,))
    outputs = [keras.layers.Dense(5)(image), keras.layers.Dense(5)(text)]
    return [image, text], outputs


def data():
    noise = np.random.default_rng(1).normal(size=(32, 4)).astype("float32")
    return [noise, noise[:, :3] + 0.1]


@pytest.mark.parametrize("targets", ["plain", "packed"])
def test_a_compiled_model_learns_to_agree(targets, tmp_path):
    keras.utils.set_random_seed(0)
    inputs, outputs = encoders()
    model = keras.Model(inputs, ops.stack(outputs, axis=1))
    model.compile(keras.optimizers.Adam(0.02), CrossModalConsistencyLoss(temperature=0.5))
    ids = np.arange(32)
    if targets == "packed":
        # Of every batch of 8, the sources are its own.
        sources = np.stack([ids % 8, (ids + 1) % 8], axis=1)
        ids = np.stack([sources, np.tile([0.8, 0.2], (32, 1))], axis=1).astype("float32")
    options = {"batch_size": 8, "shuffle": False, "verbose": 0}
    losses = model.fit(data(), ids, epochs=20, **options).history["loss"]
    assert np.isfinite(losses).all()
    assert losses[-1] < 0.8 * losses[0]


def test_a_layer_adds_the_loss():
    keras.utils.set_random_seed(0)
    inputs, outputs = encoders()
    model = keras.Model(inputs, Agreeing()(outputs))
    model.compile(keras.optimizers.Adam(0.05))
    losses = model.fit(data(), epochs=15, batch_size=8, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]


def test_config_round_trip():
    loss = CrossModalConsistencyLoss(
        "jensen_shannon", temperature=2.0, mixed="second", from_logits=True, reduction="sum"
    )
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert again.get_config() == loss.get_config()
    assert float(again(None, stacked())) == float(loss(None, stacked()))


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"kind": "l2"}, "`kind` must be one of"),
        ({"temperature": 0}, "`temperature` must be a finite number above 0"),
        ({"temperature": -1.0}, "`temperature` must be a finite number"),
        ({"mixed": "none"}, "`mixed` must be one of"),
    ],
)
def test_bad_arguments_are_refused(options, match):
    with pytest.raises(ValueError, match=match):
        CrossModalConsistencyLoss(**options)


@pytest.mark.parametrize(
    ("y_true", "y_pred", "match"),
    [
        (None, (FIRST, SECOND[:, :4]), "the same width. Received: 5 and 4. Project them"),
        (None, (FIRST, SECOND[:4]), "must have the same batch size. Received: 6 and 4 samples"),
        (None, (FIRST, SECOND, FIRST), "there must be two modalities. Received: 3"),
        (None, FIRST, r"embeddings of two modalities, \(B, 2, D\).*Stack them"),
        (None, stacked()[:, :1], r"embeddings of two modalities, \(B, 2, D\)"),
        (None, (FIRST[None], SECOND[None]), "Pool them first"),
        (PLAN[:5], stacked(), "for B pairs. Received: .* for 6 pairs"),
        (np.ones((6, 5)), stacked(), "for B pairs"),
        (np.ones((6, 3, 2)), stacked(), "for B pairs"),
    ],
)
def test_bad_inputs_are_refused(y_true, y_pred, match):
    with pytest.raises(ValueError, match=match) as caught:
        CrossModalConsistencyLoss()(y_true, y_pred)
    assert str(caught.value).startswith("cross_modal_consistency: ")
