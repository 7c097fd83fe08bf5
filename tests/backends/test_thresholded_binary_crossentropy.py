"""ThresholdedBinaryCrossentropy against loops over classes, and against timm's figures."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_mix.losses import ThresholdedBinaryCrossentropy as Loss
from keras_mix.models import MixingModel, RegMixup

LOGITS = np.array(
    [[0.26, -0.26, 1.28, 0.2], [0.72, 2.6, 1.9, -1.4], [-1.24, 0.08, -4.66, -0.44]], "float32"
)
MIXED = np.array([[0.7, 0.3, 0, 0], [0, 0.85, 0.15, 0], [0.25, 0, 0.5, 0.25]], "float32")
PACKED = np.array(
    [
        [[0, 1, 1], [0.7, 0.15, 0.15]],
        [[1, 2, 9], [0.85, 0.15, 0.0]],
        [[0, 2, 3], [0.25, 0.5, 0.25]],
    ],
    "float32",
)
IDS = np.array([0, 1, 3])
JIT = keras.backend.backend() != "torch"


def by_hand(predictions, mixed, threshold=0.2, smoothing=0.0, pos_weight=1.0, sum_classes=False):
    """The loss of each sample, class by class; predictions are probabilities."""
    losses = []
    for p, y in zip(np.asarray(predictions, "float64"), np.asarray(mixed), strict=True):
        terms = []
        for c in range(len(y)):
            t = (y[c] > threshold) * (1 - smoothing) + smoothing / max(len(y), 2)
            w = np.broadcast_to(pos_weight, len(y))[c]
            terms.append(-w * t * np.log(p[c]) - (1 - t) * np.log(1 - p[c]))
        losses.append(np.sum(terms) / (1 if sum_classes else len(y)))
    return np.array(losses)


def sigmoid(z):
    return 1 / (1 + np.exp(-np.asarray(z, "float64")))


def values(loss, *arguments):
    return ops.convert_to_numpy(loss(*arguments))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"threshold": 0.0, "label_smoothing": 0.1},
        {"threshold": 0.6, "pos_weight": [1.0, 2.0, 3.0, 4.0]},
        {"pos_weight": 3.0, "sum_classes": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("from_logits", [False, True])
@pytest.mark.parametrize("labels", [MIXED, PACKED], ids=["dense", "packed"])
def test_it_is_the_mean_over_classes(labels, from_logits, options):
    loss = Loss(from_logits=from_logits, reduction="none", **options)
    predictions = LOGITS if from_logits else sigmoid(LOGITS).astype("float32")
    options = {name.removeprefix("label_"): value for name, value in options.items()}
    expected = by_hand(sigmoid(LOGITS), MIXED, **options)
    np.testing.assert_allclose(values(loss, labels, predictions), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, 1.250778520),
        ({"threshold": 0.0}, 1.092445189),
        ({"pos_weight": 3.0}, 2.680033964),
        ({"pos_weight": [1.0, 2.0, 3.0, 4.0]}, 2.338572278),
        ({"sum_classes": True}, 5.003114080),
    ],
)
def test_figures_of_timm(options, expected):
    """`BinaryCrossEntropy(smoothing=0, target_threshold=threshold, …)` of timm 1.0.31."""
    assert values(Loss(from_logits=True, **options), MIXED, LOGITS) == pytest.approx(expected)


def test_plain_labels_and_those_of_one_unit():
    expected = by_hand(sigmoid(LOGITS), np.eye(4)[IDS]).mean()
    for labels in (IDS, IDS[:, None], np.eye(4, dtype="int32")[IDS]):
        assert values(Loss(from_logits=True), labels, LOGITS) == pytest.approx(expected, rel=1e-5)
    one = LOGITS[:, :1]
    expected = by_hand(sigmoid(one), [[1], [0], [1]], smoothing=0.1).mean()
    packed = np.array([[[1, 0], [0.7, 0.3]], [[0, 1], [0.85, 0.15]], [[1, 1], [0.1, 0.9]]])
    for labels in ([0.7, 0.15, 1.0], [[0.7], [0.15], [1.0]], packed):
        labels = np.asarray(labels, "float32")
        for predictions in (one, one[:, 0]):
            loss = Loss(from_logits=True, label_smoothing=0.1)
            assert values(loss, labels, predictions) == pytest.approx(expected, rel=1e-5)


def test_positions_have_losses_of_their_own():
    maps, labels = np.stack([LOGITS] * 2), np.stack([MIXED, MIXED[::-1]])
    expected = [by_hand(sigmoid(LOGITS), each) for each in labels]
    loss = Loss(from_logits=True, reduction="none")
    np.testing.assert_allclose(values(loss, labels, maps), expected, rtol=1e-5)


def network(units):
    return keras.Sequential([keras.Input((3,)), layers.Dense(units, name="classes")])


def test_models_give_it_the_mixed_labels():
    """A blend ½ : ½ of a batch with its reverse has the union of both labels."""
    x = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    ids = np.array([0, 2, 1, 0])
    base = network(3)
    kernel, bias = map(ops.convert_to_numpy, base.weights)
    clean, mixed = x @ kernel + bias, (x + x[::-1]) / 2 @ kernel + bias
    half = (np.eye(3)[ids] + np.eye(3)[ids[::-1]]) / 2
    tags = np.array([[1, 1, 0], [0, 0, 0], [0, 1, 1], [1, 0, 0]])
    for y, single, both in (
        (ids, np.eye(3)[ids], half),
        (np.eye(3, dtype="float32")[ids], np.eye(3)[ids], half),
        (tags, tags, (tags + tags[::-1]) / 2),
    ):
        of_mixed = by_hand(sigmoid(mixed), both).mean()
        of_clean = by_hand(sigmoid(clean), single).mean()
        for wrapper, expected in ((MixingModel, of_mixed), (RegMixup, of_clean + of_mixed)):
            model = wrapper(base, alpha=1e9, per="batch", pairing="reverse")
            model.compile(keras.optimizers.SGD(0.0), Loss(from_logits=True), jit_compile=False)
            assert model.train_on_batch(x, y) == pytest.approx(expected, rel=1e-3)


@pytest.mark.slow
def test_a_model_trains_saves_and_goes_on(tmp_path):
    ids = np.arange(12) % 3
    x = (np.eye(3)[ids] + 0.1 * np.random.default_rng(0).normal(size=(12, 3))).astype("float32")
    model = MixingModel(network(3), alpha=0.2)
    loss = Loss(threshold=0.3, label_smoothing=0.05, pos_weight=[1.0, 2.0, 1.0], from_logits=True)
    model.compile(keras.optimizers.SGD(1.0), loss, jit_compile=JIT)
    losses = model.fit(x, ids, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < 0.8 * losses[0]
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.fit(x, ids, verbose=0).history["loss"][0] < 0.9 * losses[0]
    again = Loss.from_config(loss.get_config())
    assert again.get_config() == loss.get_config()


def test_extremes_are_finite_and_ids_out_of_range_are_not():
    logits = np.array([[1e4, -1e4, 0.0], [-1e4, 1e4, 1e4]], "float32")
    loss = Loss(from_logits=True, reduction="none", dtype="float16")
    labels = np.array([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]], "float16")
    expected = [(1e4 + np.log(2)) / 3, 1e4]
    np.testing.assert_allclose(values(loss, labels, logits), expected, rtol=2e-3)
    found = values(Loss(reduction="none"), np.array([0, 3, -1]), sigmoid(LOGITS[:, :3]))
    np.testing.assert_array_equal(np.isnan(found), [False, True, True])


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: Loss(threshold=1.0), "Crossentropy: `threshold` must be below 1, since no label"),
        (lambda: Loss(threshold=-0.1), "Crossentropy: `threshold` must be a finite number between"),
        (lambda: Loss(label_smoothing=2), "Crossentropy: `label_smoothing` must be a finite"),
        (lambda: Loss(pos_weight=[1, 0]), "Crossentropy: `pos_weight` must be a finite number ab"),
        (lambda: Loss(thresold=0.1), "`thresold` is .* Did you mean 'threshold'"),
        (
            lambda: Loss(pos_weight=[1, 2])(MIXED, LOGITS),
            r"one for each of 4 classes\. Received: 2",
        ),
        (lambda: Loss()(MIXED[:, :3], LOGITS), r"predictions' shape \(3, 4\), packed ones"),
        (lambda: Loss()(IDS, LOGITS[None]), r"must be labels of the predictions' shape \(1, 3, 4"),
    ],
)
def test_what_it_refuses(call, sentence):
    with pytest.raises(ValueError, match=rf"(?i)^thresholded_?binary_?.*{sentence}"):
        call()
