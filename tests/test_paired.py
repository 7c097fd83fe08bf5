"""C-Mixup over a whole data set: the kernel's distribution, without a matrix of all pairs."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from contract import seed_of
from scipy import stats
from streams import assert_resumes, assert_the_global_seed_does_not_count, drained
from test_pairings import assert_follow, gaussian

from keras_mix import data
from keras_mix._core.draw import label_kernels, neighbors
from keras_mix.layers import CutMix, MixUp, RandomChoice
from keras_mix.pairings import InOrder

pytestmark = pytest.mark.slow

UNLIKELY = 1e-4
RANDOM = np.random.default_rng(0)
COUNT, DRAWS = 200, 40
ONE = RANDOM.normal(size=(COUNT, 1))
LABELS = {
    "one target": ONE,
    "ties": np.round(ONE * 2),
    "three targets": RANDOM.normal(size=(COUNT, 3)) * [3, 1, 1],
    # A sample far from all, and a pair far from the others.
    "apart": np.concatenate([ONE[:-3], [[1e4], [2e4], [2e4 + 300]]]),
}


WAYS = {
    "weighed without a try": {"_FEW": COUNT},
    "by rounds": {"_FEW": 0},
    "weighed after too few rounds": {"_FEW": 0, "_ROUNDS": (1, 1), "_BLOCK": 5 * COUNT},
}


@pytest.fixture(name="way", params=WAYS)
def _way(request, monkeypatch):
    """Draws partners in each of the ways in turn."""
    for name, value in WAYS[request.param].items():
        monkeypatch.setattr(neighbors, name, value)


def drawn(labels, bandwidth, count, include_self=False):
    """int [count, N], what as many seeds give."""
    levels = label_kernels.levels(tf.constant(labels), tf.constant(labels[:0]), bandwidth).own
    draw = tf.function(lambda seed: neighbors.partners(seed, levels, include_self))
    return np.array([draw(seed_of((k, -k))).numpy() for k in range(count)])


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    ("name", "bandwidth"),
    [
        ("one target", 0.05),
        ("one target", 20.0),
        ("ties", 0.5),
        ("three targets", 0.5),
        ("apart", 0.1),
    ],
)
def test_partners_follow_the_kernel_over_all_samples(name, bandwidth):
    labels = LABELS[name]
    partners = drawn(labels, bandwidth, DRAWS)
    assert partners.dtype == "int32"
    assert (partners != np.arange(COUNT)).all()
    apart = np.abs(labels - labels.T) if labels.shape[1] == 1 else None
    shares = gaussian_relative(labels, bandwidth)
    # All samples' draws together: how often each pair is expected, and how often it came.
    counts = np.zeros_like(shares)
    np.add.at(counts, (np.tile(np.arange(COUNT), DRAWS), partners.ravel()), 1)
    assert counts[shares < 1e-9].sum() == 0
    expected = shares * DRAWS
    often = expected >= 5
    # Each row's remaining share makes one more cell.
    rest = counts.sum(axis=1) - (counts * often).sum(axis=1)
    rest_expected = expected.sum(axis=1) - (expected * often).sum(axis=1)
    cells = rest_expected >= 5
    found = np.concatenate([counts[often], rest[cells]])
    wanted = np.concatenate([expected[often], rest_expected[cells]])
    if len(found) > 1:
        statistic = ((found - wanted) ** 2 / wanted).sum()
        assert stats.chi2.sf(statistic, len(found)) > UNLIKELY
    if apart is not None:
        distance = np.take_along_axis(apart, partners.T, axis=1)
        mean = (shares * apart).sum(axis=1)
        variance = (shares * apart**2).sum(axis=1) - mean**2
        error = np.sqrt(np.maximum(variance, 0).sum() / DRAWS) / COUNT
        assert abs(distance.mean() - mean.mean()) < 4.5 * error + 0.005 * bandwidth


def gaussian_relative(labels, bandwidth):
    """float64 [N, N], the kernel relative to the nearest, where all others would be 0."""
    squared = ((labels[:, None] - labels[None]) ** 2).sum(axis=-1)
    np.fill_diagonal(squared, np.inf)
    squared -= squared.min(axis=1, keepdims=True)
    shares = np.exp(-squared / (2 * bandwidth**2))
    return shares / shares.sum(axis=1, keepdims=True)


@pytest.mark.usefixtures("way")
def test_the_kernel_of_a_small_set_pair_by_pair():
    labels = RANDOM.normal(size=(9, 2))
    partners = drawn(labels, 0.7, 250)
    assert_follow(partners, gaussian(labels, labels, 0.7))
    partners = drawn(labels, 0.7, 250, include_self=True)
    assert_follow(partners, gaussian(labels, labels, 0.7, others=False))


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("count", [1, 2])
def test_few_samples(count):
    expected = [[0]] if count == 1 else [[1, 0]]
    assert drawn(np.arange(count, dtype="f8")[:, None], 0.1, 1).tolist() == expected


X = {"a": np.arange(50, dtype="float32"), "b": np.arange(100).reshape(50, 2).astype("f4")}
Y = np.linspace(0, 1, 50).astype("float32")


def pairs(**options):
    return data.pair_by_label(X, Y, **{"bandwidth": 0.05, "batch_size": 12, "seed": 4, **options})


def test_an_epoch_holds_every_sample_once_beside_a_near_one():
    dataset = pairs()
    assert len(dataset) == 5
    own, partners, labels = [], [], []
    for (x, y), (other_x, other_y) in dataset:
        for columns, targets in ((x, y), (other_x, other_y)):
            np.testing.assert_array_equal(targets, Y[columns["a"].numpy().astype(int)])
            np.testing.assert_array_equal(columns["b"][:, 0], 2 * columns["a"])
        own.extend(x["a"].numpy())
        partners.extend(other_x["a"].numpy())
        labels.extend(np.abs(y - other_y))
    assert own != sorted(own)
    assert sorted(own) == X["a"].tolist()
    assert not np.equal(own, partners).any()
    assert 0 < np.mean(labels) < 0.06
    in_order = [x["a"].numpy() for (x, _), _ in pairs(shuffle=False, drop_remainder=True)]
    np.testing.assert_array_equal(np.concatenate(in_order), np.arange(48))


def test_runs_are_equal_and_epochs_differ():
    first, second = ([drained(d) for _ in range(2)] for d in (pairs(), pairs()))
    assert first == second
    assert first[0] != first[1]
    assert drained(pairs(seed=5)) != first[0]
    assert drained(pairs().repeat(2)) == first[0] + first[1]


LAYERS = [
    MixUp(alpha=2.0, pairing=InOrder()),
    RandomChoice([MixUp(1.0, pairing=InOrder()), MixUp(8.0, pairing=InOrder())]),
]


@pytest.mark.parametrize("layer", LAYERS, ids=["MixUp", "RandomChoice"])
def test_pairs_are_mixed_as_they_come(layer):
    chosen = list(pairs())
    mixed = list(data.mix(pairs(), layer, seed=1, partners="paired"))
    for ((x, y), (other_x, other_y)), (new_x, new_y) in zip(chosen, mixed, strict=True):
        share = (new_y - y) / (other_y - y)
        assert ((share.numpy() > -1e-4) & (share.numpy() < 1 + 1e-4)).all()
        expected = x["a"] + share * (other_x["a"] - x["a"])
        np.testing.assert_allclose(new_x["a"], expected, rtol=1e-3, atol=1e-3)


def test_its_seed_alone_decides():
    assert_the_global_seed_does_not_count(pairs)


def test_a_checkpoint_resumes_in_mid_epoch(tmp_path):
    def stream():
        return iter(data.mix(pairs(), LAYERS[0], seed=1, partners="paired").repeat(3).prefetch(2))

    assert_resumes(stream, 7, tmp_path)


# The peak of resident memory is the process's own, so it is measured in one of its own.
# The kernel's own peak: getrusage's begins with that of the process which started this one.
LARGE = """
import re, time
import numpy as np
from keras_mix import data

def epoch(count, targets):
    y = np.random.default_rng(0).normal(size=(count, targets))
    start = time.perf_counter()
    for own, partners in data.pair_by_label(np.arange(count), y, batch_size=count):
        far = np.linalg.norm(own[1] - partners[1], axis=1).mean()
    return far, time.perf_counter() - start

peak = lambda: int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024
epoch(1000, 1), epoch(1000, 2)
before = peak()
for targets in (1, 2):
    print(*epoch(100_000, targets), peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_a_hundred_thousand_samples_need_no_matrix_of_all_pairs():
    found = subprocess.run(
        [sys.executable, "-c", LARGE], check=True, capture_output=True, text=True
    )
    for line, targets in zip(found.stdout.splitlines(), (1, 2), strict=True):
        far, seconds, mebibytes = map(float, line.split())
        assert mebibytes < 256
        assert seconds < 60
        # Of two independent standard normal targets, the mean distance is √(π) without a kernel.
        assert far < (0.6 if targets == 1 else 1.2)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"bandwidth": 0}, r"`bandwidth` must be a finite number above 0. Received: bandwidth=0"),
        ({"bandwidth": -0.5}, r"`bandwidth` must be .* Received: bandwidth=-0.5"),
        ({"bandwidth": 1e-12}, r"`bandwidth` is too small .* Received: bandwidth=1e-12"),
        ({"batch_size": 0}, r"`batch_size` must be an integer of at least 1"),
        ({"seed": "1"}, r"`seed` must be an integer"),
        ({"y": ["a"] * 50}, r"`y` must be an array of finite numbers"),
        ({"y": np.full(50, np.nan)}, r"`y` must be an array of finite numbers"),
        (
            {"y": np.zeros((50, 2, 2))},
            r"`y` must be .* shape=\(50, 2, 2\)",
        ),
        (
            {"y": Y[:49]},
            r"`x` and `y` must have the same number of samples. .*\(50,\) beside 49 targets",
        ),
    ],
)
def test_bad_input(options, sentence):
    given = {"x": X, "y": Y, **options}
    with pytest.raises(ValueError, match=sentence):
        data.pair_by_label(given.pop("x"), given.pop("y"), **given)


def test_pairs_that_would_be_paired_anew():
    for layer in (MixUp(), RandomChoice([MixUp(pairing=InOrder()), CutMix()])):
        with pytest.raises(ValueError, match=r"take partners in order. Received: .*'shuffle'"):
            data.mix(pairs(), layer, partners="paired")
    alone = tf.data.Dataset.from_tensor_slices(Y).batch(5)
    with pytest.raises(ValueError, match=r"needs a dataset of \(batch, partners\)"):
        data.mix(alone, LAYERS[0], partners="paired")
