"""Scores against slow loops and cases known by hand."""

import math

import numpy as np
import pytest
import score_oracles as oracles
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_mix.evaluate import scores

HALVES = [[0.5, 0.5]]


def predictions(seed, samples=200, classes=4, sharpness=3.0):
    """Random probabilities and ids, the true class a little more probable than the others."""
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, classes, samples)
    logits = sharpness * (rng.normal(size=(samples, classes)) + np.eye(classes)[ids])
    probabilities = np.exp(logits)
    return probabilities / probabilities.sum(axis=1, keepdims=True), ids


def slow_bins(probabilities, ids, bins):
    """The definition of Guo et al. (2017), section 2, prediction by prediction."""
    members = [[] for _ in range(bins)]
    for row, true in zip(probabilities, ids, strict=True):
        confidence, predicted = max(row), list(row).index(max(row))
        for m in range(1, bins + 1):
            if (m - 1) / bins < confidence <= m / bins:
                members[m - 1].append((confidence, predicted == true))
    return members


def slow_calibration_error(probabilities, ids, bins):
    error = 0.0
    for bin_ in slow_bins(probabilities, ids, bins):
        if bin_:
            confidence = math.fsum(c for c, _ in bin_) / len(bin_)
            right = sum(r for _, r in bin_) / len(bin_)
            error += len(bin_) / len(ids) * abs(right - confidence)
    return error


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("bins", [1, 7, 15])
def test_calibration_error_is_the_slow_loops(seed, bins):
    probabilities, ids = predictions(seed)
    expected = slow_calibration_error(probabilities, ids, bins=bins)
    actual = scores.expected_calibration_error(probabilities, ids, bins=bins)
    assert actual == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_the_other_scores_are_the_slow_loops(seed):
    probabilities, ids = predictions(seed, samples=60)
    right = nll = brier = 0.0
    for row, true in zip(probabilities, ids, strict=True):
        right += list(row).index(max(row)) == true
        nll -= math.log(row[true])
        brier += sum((p - (k == true)) ** 2 for k, p in enumerate(row))
    assert scores.accuracy(probabilities, ids) == pytest.approx(right / 60)
    assert scores.negative_log_likelihood(probabilities, ids) == pytest.approx(nll / 60)
    assert scores.brier(probabilities, ids) == pytest.approx(brier / 60)


def test_certain_and_right_is_perfect():
    truth = np.eye(3)[[0, 1, 2, 1]]
    ids = truth.argmax(axis=1)
    assert scores.accuracy(truth, ids) == 1.0
    assert scores.negative_log_likelihood(truth, ids) == 0.0
    assert scores.brier(truth, ids) == 0.0
    assert scores.expected_calibration_error(truth, ids) == 0.0


def test_certain_and_wrong_is_the_worst_and_finite():
    wrong = np.eye(2)[[1, 0]]
    assert scores.accuracy(wrong, [0, 1]) == 0.0
    assert scores.brier(wrong, [0, 1]) == 2.0
    assert scores.expected_calibration_error(wrong, [0, 1]) == 1.0
    assert scores.negative_log_likelihood(wrong, [0, 1]) == pytest.approx(87.336, abs=1e-3)


def test_a_tie_counts_for_the_first_class():
    assert scores.accuracy(HALVES, [0]) == 1.0
    assert scores.accuracy(HALVES, [1]) == 0.0


def test_an_edge_belongs_to_the_lower_bin():
    assert scores.reliability(HALVES, [0], bins=2).counts == [1, 0]
    assert scores.reliability([[0.501, 0.499]], [0], bins=2).counts == [0, 1]
    assert scores.reliability([[1.0, 0.0]], [0]).counts == [0] * 14 + [1]


def test_bins_hold_the_slow_loops_members():
    probabilities, ids = predictions(9)
    diagram = scores.reliability(probabilities, ids)
    expected = slow_bins(probabilities, ids, 15)
    assert diagram.counts == [len(bin_) for bin_ in expected]
    assert sum(diagram.counts) == len(ids)
    for bin_, confidence, right in zip(expected, *diagram[1:], strict=True):
        if bin_:
            assert confidence == pytest.approx(np.mean([c for c, _ in bin_]))
            assert right == pytest.approx(np.mean([r for _, r in bin_]))


def test_pooled_bins_are_those_of_all_predictions():
    first, second = predictions(1, samples=30), predictions(2, samples=90)
    pooled = scores.pool([scores.reliability(*first), scores.reliability(*second)])
    both = scores.reliability(*(np.concatenate(pair) for pair in zip(first, second, strict=True)))
    assert pooled.counts == both.counts
    np.testing.assert_allclose(pooled.confidence, both.confidence)
    np.testing.assert_allclose(pooled.accuracy, both.accuracy)


@pytest.mark.parametrize(
    ("probabilities", "ids", "sentence"),
    [
        ([0.5, 0.5], [0], r"shape \(N, K\).*Received: probabilities.shape=\(2,\)"),
        (HALVES, [0, 1], r"Received: .*ids.shape=\(2,\)"),
        (np.zeros([0, 2]), np.zeros([0], int), "N > 0"),
        (HALVES, [2], "integers from 0 to 1. Received: .*from 2 to 2"),
        (HALVES, [0.0], "Received: dtype float64"),
        ([[3.0, -1.0]], [0], "end the model with a softmax. Received: values from -1 to 3"),
        ([[np.nan, 1.0]], [0], "sum to 1"),
    ],
)
def test_refusals(probabilities, ids, sentence):
    with pytest.raises(ValueError, match=sentence):
        scores.brier(probabilities, ids)


@settings(max_examples=500)
@given(
    oracles.predictions("float64"),
    st.integers(1, 20),
    st.sampled_from(["width", "mass"]),
    st.sampled_from(["top", "classes"]),
    st.sampled_from([1, 2, "max"]),
)
def test_scores_are_their_definitions(drawn, bins, strategy, over, norm):
    probabilities, ids, _ = drawn
    ones = [1.0] * len(ids)
    options = {"bins": bins, "strategy": strategy, "over": over, "norm": norm}
    inside = np.arange(len(ids)) % 2 == 0
    certain = probabilities.max(axis=1)
    for found, right in (
        (
            scores.expected_calibration_error(probabilities, ids, **options),
            oracles.calibration_error(probabilities, ids, ones, **options),
        ),
        (
            scores.overconfidence_error(probabilities, ids, bins=bins),
            oracles.overconfidence(probabilities, ids, ones, bins),
        ),
        (scores.signed_gap(probabilities, ids), oracles.signed_gap(probabilities, ids, ones)),
        (scores.brier(probabilities, ids), oracles.brier(probabilities, ids, ones)),
        (
            scores.negative_log_likelihood(probabilities, ids),
            oracles.log_loss(probabilities, ids, ones),
        ),
        (scores.aurc(probabilities, ids), oracles.aurc(probabilities, ids, ones)),
        (scores.auroc(certain[inside], certain[~inside]), oracles.auroc(certain, inside)),
    ):
        assert found == pytest.approx(right, abs=1e-9)


def test_signs_of_the_gap():
    sure = [[0.9, 0.1], [0.9, 0.1]]
    assert scores.signed_gap(sure, [0, 1]) == pytest.approx(0.4)
    assert scores.signed_gap(sure, [0, 0]) == pytest.approx(-0.1)
    assert scores.overconfidence_error(sure, [0, 1]) == pytest.approx(0.9 * 0.4)
    assert scores.overconfidence_error(sure, [0, 0]) == 0


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: scores.auroc([], [0.5]), r"scores: `inside` must have the shape \(N,\), N > 0"),
        (
            lambda: scores.auroc([0.5], [np.nan, 1]),
            "`outside` must be finite. Received: 1 of 2 NaN",
        ),
        (
            lambda: scores.expected_calibration_error(HALVES, [0], norm=3),
            "scores: `norm` must be one of",
        ),
        (
            lambda: scores.expected_calibration_error(HALVES, [0], over="all"),
            "scores: `over` must be one of",
        ),
        (
            lambda: scores.reliability(HALVES, [0], bins=0),
            "scores: `bins` must be an integer of at",
        ),
        (lambda: scores.aurc([[np.nan, 1.0]], [0]), "Received: 1 rows with NaN or infinity"),
    ],
)
def test_refusals_of_arguments(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
