"""The study: its data, statistics and marks, and that it goes on where it was interrupted."""

import json

import numpy as np
import pytest
from scipy import stats
from scipy.special import log_softmax
from sklearn.datasets import load_digits

from tools.study import data, grid, report, run
from tools.study import scores as study_scores
from tools.study.methods import METHODS
from tools.study.predictions import NOT_SEEN, PREDICTIONS, SEEN, UNDECIDED, Contrast
from tools.study.store import Store
from tools.study.table import Interval, Scores, interval
from tools.study.training import Finished

CELL = grid.Cell("cancer", 50, 0.0, "wide")


def test_smaller_training_sets_and_less_noise_are_parts_of_more():
    small, large = (data.split("digits", size, 0.4, 3) for size in (50, 300))
    np.testing.assert_array_equal(small.x, large.x[:50])
    np.testing.assert_array_equal(small.given, large.given[:50])
    less = data.split("digits", 300, 0.2, 3)
    assert set(np.flatnonzero(less.given != less.right)) < set(
        np.flatnonzero(large.given != large.right)
    )


def test_the_noise_is_the_fraction_of_labels_drawn_anew():
    splits = [data.split("gaussians", 1000, 0.4, seed) for seed in range(10)]
    wrong = np.mean([split.given != split.right for split in splits])
    # Of two classes half of the draws are right; 3 deviations of 10,000 labels.
    assert abs(wrong - 0.2) < 3 * (0.2 * 0.8 / 10_000) ** 0.5


def test_held_out_samples_are_of_the_trained_classes_and_of_no_training_sample():
    split = data.split("digits", 1000, 0.0, 1)
    assert len(split.test[0]) + len(split.calibration[0]) == 430
    counts = np.bincount(np.concatenate([split.right, split.test[1], split.calibration[1]]))
    assert len(counts) == 8
    # The two classes left out are whole classes of the digits.
    of_all = np.bincount(load_digits().target)
    assert sum(of_all) - 1430 >= len(split.unseen)
    seen = {image.tobytes() for image in split.x}
    held_out = [*split.test[0], *split.calibration[0], *split.unseen]
    assert not seen & {image.tobytes() for image in held_out}


def test_the_gaussians_have_the_bayes_error_they_claim():
    x, ids = data.split("gaussians", 50, 0.0, 0).test
    # The best classifier compares the first feature with the midpoint of both means.
    classified = x[:, 0] > np.mean([x[ids == k, 0].mean() for k in range(2)])
    assert abs(np.mean(classified != ids) - data.BAYES_ERROR) < 3 * (0.09 / len(ids)) ** 0.5


def test_cells_are_only_as_large_as_the_data():
    cells = grid.cells()
    largest = {name: max(c.size for c in cells if c.data == name) for name in grid.DATA}
    assert largest == {"cancer": 300, "wine": 100, "gaussians": 1000, "digits": 1000, "mnist": 1000}
    assert len(set(cells)) == len(cells) == (3 + 2 + 4 + 4 + 4) * 3 * 2 + 4
    for cell in cells:
        for length in cell.lengths:
            assert cell.steps(length) % 20 == 0


def test_intervals_are_those_of_scipy():
    values = np.random.default_rng(0).normal(0.3, 1.0, 10)
    found = interval(values)
    test = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    np.testing.assert_allclose(found[:3], [values.mean(), test.low, test.high], rtol=1e-12)


def test_a_temperature_is_fitted_on_other_samples_than_it_scores():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(2000, 3))
    ids = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
    found = study_scores.of_logits(2.5 * logits, ids, unseen_logits=np.zeros((5, 3)))
    assert found["temperature"] == pytest.approx(2.5, rel=0.1)
    assert found["auroc"] == pytest.approx(1.0)
    right = -np.mean(log_softmax(logits, axis=1)[np.arange(2000), ids])
    assert found["nll_t"] == pytest.approx(right, rel=0.01)
    assert found["nll"] > found["nll_t"]
    assert found["gap"] > 0.1


@pytest.mark.parametrize(
    ("low", "high", "vanishes", "mark"),
    [
        (0.02, 0.04, False, SEEN),
        (-0.04, -0.02, False, NOT_SEEN),
        (-0.001, 0.001, False, NOT_SEEN),  # below what matters
        (-0.01, 0.03, False, UNDECIDED),
        (-0.02, 0.004, True, SEEN),
        (0.01, 0.03, True, NOT_SEEN),
        (-0.01, 0.03, True, UNDECIDED),
    ],
)
def test_marks(low, high, vanishes, mark):
    contrast = Contrast("", "gap", None, None, vanishes)
    found = Interval((low + high) / 2, low, high, [])
    assert contrast.mark(found) == mark
    assert not contrast.is_small(found)


def test_a_difference_may_be_sure_and_too_small_to_matter():
    contrast, found = Contrast("", "gap", None, None), Interval(0.002, 0.001, 0.003, [])
    assert contrast.mark(found) == SEEN
    assert contrast.is_small(found)


def filled(store, better):
    """Scores for all methods of some cells, in which MixUp gains or loses, by a clear distance."""
    rng = np.random.default_rng(0)
    cells = grid.cells(("cancer", "digits"), (50, 100))
    for cell in cells:
        for name in (*METHODS, "mixup 1, rescaled", "none, ensemble", "mixup 1, ensemble"):
            shift = 0.1 * better * (name.startswith("mixup 1"))
            rows = [
                {
                    "seed": seed,
                    "length": length,
                    **{score: 0.7 + shift for score in ("accuracy", "auroc")},
                    **{score: 0.5 - shift + rng.normal(0, 1e-3) for score in ("nll", "nll_t")},
                    **{
                        score: 0.1 for score in ("temperature", "ece", "floor", "ece_mass", "brier")
                    },
                    "gap": -0.2 if name.startswith("mixup 1") else 0.02,
                }
                for seed in range(grid.SEEDS)
                for length in cell.lengths
            ]
            store.save_scores(cell, name, rows)
    return cells


@pytest.mark.parametrize(
    ("better", "first", "third"), [(1, SEEN, NOT_SEEN), (-1, NOT_SEEN, NOT_SEEN)]
)
def test_predictions_follow_from_the_scores(tmp_path, better, first, third):
    store = Store(tmp_path)
    scores = Scores(store, filled(store, better))
    marks = {
        each.number: each.mark([scores.paired(c.value, c.where) for c in each.contrasts])
        for each in PREDICTIONS
    }
    assert marks["1"] == first
    assert marks["2"] == SEEN
    assert marks["3"] == third
    assert marks["4a"] == SEEN  # RegMixup has the gap of none
    assert marks["4b"] == NOT_SEEN
    assert marks["5"] == (NOT_SEEN if better > 0 else SEEN)


def test_seeds_are_paired_and_data_sets_count_alike(tmp_path):
    store = Store(tmp_path)
    places = (("cancer", 50), ("cancer", 300), ("wine", 50), ("wine", 100))
    cells = [grid.Cell(*place, 0.0, "wide") for place in places]
    for cell in cells:
        for name, gain in (("none", 0.0), ("mixup 1", 1.0 if cell.data == "wine" else 0.0)):
            rows = [
                {"seed": seed, "length": "short", "nll": 5.0 * seed + gain + 0.1 * cell.size * gain}
                for seed in range(grid.SEEDS)
            ]
            store.save_scores(cell, name, rows)
    found = Scores(store, cells).paired(
        lambda get: get("mixup 1", "short", "nll") - get("none", "short", "nll"), lambda cell: True
    )
    np.testing.assert_allclose(found[:3], (0.0 + (6.0 + 11.0) / 2) / 2, rtol=1e-12)
    assert len(found.cells) == 4


def test_it_goes_on_where_it_was_interrupted(tmp_path, monkeypatch):
    trained = []

    def train(cell, trunk, ends):
        if len(trained) == 2:
            raise KeyboardInterrupt
        trained.append((cell, trunk))
        for length in cell.lengths:
            for end in ends:
                yield Finished(end, length, [np.float32([[1.0], [2.0]])], 0.5)

    monkeypatch.setattr(run, "train", train)
    methods = ("none", "mixup 1", "mixup 1, off", "smoothing")
    with pytest.raises(KeyboardInterrupt):
        run.train_all(Store(tmp_path), [CELL], methods)
    assert trained == [(CELL, "none"), (CELL, "mixup 1")]
    trained.clear()
    store = Store(tmp_path)
    run.train_all(store, [CELL], methods)
    assert trained == [(CELL, "smoothing")]
    weights, seconds = store.weights(CELL, "mixup 1, off")
    assert seconds == dict.fromkeys(grid.LENGTHS, 0.5)
    np.testing.assert_array_equal(weights["10 ×"][0], [[1.0], [2.0]])
    run.train_all(store, [CELL], methods)
    assert len(trained) == 1


@pytest.mark.slow
def test_the_report_names_what_was_seen_and_what_was_not_run(tmp_path):
    store = Store(tmp_path / "raw")
    cells = filled(store, 1)
    lacking = next(cell for cell in cells if cell.members == 1)
    store.path(lacking, "manifold", ".json").unlink()
    report.write(store, cells, tmp_path)
    summary = json.loads((tmp_path / "study.json").read_text(encoding="utf-8"))
    assert summary["missing"] == {lacking.key: ["manifold"]}
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert page.count('<td class="mark') == len(PREDICTIONS)
    lines = (tmp_path / "scores.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + len({(key[0], key[1], key[2]) for key in Scores(store, cells).rows})
    for figure in ("decisions", "noise", "lengths", "gaps", "temperature"):
        assert "<svg" in (tmp_path / "figures" / f"{figure}.svg").read_text(encoding="utf-8")
