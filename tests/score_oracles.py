"""Scores of predictions as their definitions say, prediction by prediction, in Python floats.

Bins and ties are found in the dtype of the predictions, as an edge such as 1/15 has no exact float.
"""

import math

import numpy as np
from hypothesis import strategies as st

CLASSES = 3


def top(probabilities, ids):
    """The confidence of each prediction, and whether it is right."""
    first = [list(row).index(max(row)) for row in probabilities]
    return [row[k] for row, k in zip(probabilities, first, strict=True)], [
        float(k == true) for k, true in zip(first, ids, strict=True)
    ]


def of_each_class(probabilities, ids):
    """For each class its probabilities, and whether the class is the true one."""
    return [
        (list(column), [float(true == k) for true in ids])
        for k, column in enumerate(np.transpose(probabilities))
    ]


def width_bins(claims, truths, weights, bins):
    """For each bin a list of (weight, claim, truth)."""
    kind = np.asarray(claims).dtype.type
    members = [[] for _ in range(bins)]
    for claim, truth, weight in zip(claims, truths, weights, strict=True):
        above = [m for m in range(1, bins + 1) if claim > kind((m - 1) / bins)]
        members[max(above, default=1) - 1].append((weight, float(claim), truth))
    return members


def mass_bins(claims, truths, weights, bins):
    """Bins of equal weight; equal claims are shared by the bins in proportion."""
    order = sorted(set(claims))
    total, members, passed = math.fsum(weights), [[] for _ in range(bins)], 0.0
    for value in order:
        tied = [
            (w, float(value), t)
            for c, t, w in zip(claims, truths, weights, strict=True)
            if c == value
        ]
        mass = math.fsum(w for w, _, _ in tied)
        for m in range(bins if mass else 0):
            low = max(passed, total * m / bins)
            high = min(passed + mass, total * (m + 1) / bins)
            if high > low:
                members[m] += [(w * (high - low) / mass, c, t) for w, c, t in tied]
        passed += mass
    return members


def gaps(members):
    """The weight, the confidence and the accuracy of each bin that is not empty."""
    for bin_ in members:
        mass = math.fsum(w for w, _, _ in bin_)
        if mass > 1e-9:
            confidence = math.fsum(w * c for w, c, _ in bin_) / mass
            yield mass, confidence, math.fsum(w * t for w, _, t in bin_) / mass


def calibration_error(probabilities, ids, weights, bins, strategy, over, norm):
    sets = [top(probabilities, ids)] if over == "top" else of_each_class(probabilities, ids)
    binned = width_bins if strategy == "width" else mass_bins
    found = [gap for claims, truths in sets for gap in gaps(binned(claims, truths, weights, bins))]
    if norm == "max":
        return max(abs(c - a) for _, c, a in found)
    total = math.fsum(m for m, _, _ in found)
    return (math.fsum(m / total * abs(c - a) ** norm for m, c, a in found)) ** (1 / norm)


def overconfidence(probabilities, ids, weights, bins):
    found = list(gaps(width_bins(*top(probabilities, ids), weights, bins)))
    return math.fsum(m * c * max(c - a, 0) for m, c, a in found) / math.fsum(weights)


def mean(values, weights):
    return math.fsum(v * w for v, w in zip(values, weights, strict=True)) / math.fsum(weights)


def signed_gap(probabilities, ids, weights):
    confidences, hits = top(probabilities, ids)
    return mean([float(c) - h for c, h in zip(confidences, hits, strict=True)], weights)


def brier(probabilities, ids, weights):
    rows = zip(probabilities, ids, strict=True)
    return mean(
        [sum((float(p) - (k == y)) ** 2 for k, p in enumerate(r)) for r, y in rows], weights
    )


def log_loss(probabilities, ids, weights):
    rows = zip(probabilities, ids, strict=True)
    return mean([-math.log(max(float(row[true]), 2.0**-126)) for row, true in rows], weights)


def aurc(probabilities, ids, weights):
    confidences, hits = top(probabilities, ids)
    risks = []
    for own in confidences:
        kept = [(w, h) for c, h, w in zip(confidences, hits, weights, strict=True) if c >= own]
        mass = math.fsum(w for w, _ in kept)
        risks.append(math.fsum(w * (1 - h) for w, h in kept) / mass if mass else 0.0)
    return mean(risks, weights)


def auroc(scores, inside, weights=None):
    weights = [1.0] * len(scores) if weights is None else weights
    triples = list(zip(scores, inside, weights, strict=True))
    won = total = 0.0
    for one, is_inside, w in triples:
        for other, is_other_inside, v in triples:
            if is_inside and not is_other_inside:
                total += w * v
                won += w * v * ((one > other) + (one == other) / 2)
    return won / total


@st.composite
def predictions(draw, dtype="float32"):
    """Probabilities `(N, 3)`, many of them equal, at edges or certain; ids, weights, insides."""
    size = draw(st.sampled_from([2, 24]))
    numbers = st.lists(st.integers(0, 12), min_size=size * CLASSES, max_size=size * CLASSES)
    counts = np.array(draw(numbers)).reshape(size, CLASSES)
    counts[counts.sum(axis=1) == 0] = 1
    probabilities = counts.astype(dtype) / counts.sum(axis=1, keepdims=True).astype(dtype)
    ids = draw(st.lists(st.integers(0, CLASSES - 1), min_size=size, max_size=size))
    weights = draw(st.lists(st.sampled_from([0.0, 0.5, 1, 3]), min_size=size, max_size=size))
    weights[0], weights[-1] = 1.0, 2.0
    return probabilities, np.array(ids), weights
