"""The words, tables and pictures about a comparison, from results made by hand."""

import io

import numpy as np
import pytest
from rich import console
from scipy import stats
from synthetic_runs import made, results, with_full

from keras_mix.evaluate import (
    Results,
    draw,
    terminal,
    verdict,
    write_report,
)


def run(mixer, seed, accuracy, ece=0.05):
    return made(mixer, seed, accuracy, ece=ece)


RESULTS = Results(
    {"epochs": 2, "versions": {"keras": "3.x"}},
    {"none": None, "mixup": {"alpha": 0.2}, "late": {}},
    [
        run("none", 0, 0.75), run("none", 1, 0.77), run("none", 2, 0.79),
        run("mixup", 0, 0.70, 0.01), run("mixup", 1, 0.80, 0.02), run("mixup", 2, 0.75, 0.03),
    ],
)  # fmt: skip


def compared(none, mixup, settings=None):
    """Results of two mixers that differ in their accuracies, one a seed."""
    runs = [run("none", seed, value) for seed, value in enumerate(none)]
    runs += [run("mixup", seed, value) for seed, value in enumerate(mixup)]
    return Results(settings or {"epochs": 1}, {"none": None, "mixup": {}}, runs)


def clear(results):
    """Dict from the scores with a clear difference to whether it is a gain."""
    return {
        found.score.field: found.mean > 0
        for found in verdict.comparisons(results)
        if found.is_clear
    }


def test_clear_gains_are_counted_seed_by_seed():
    assert clear(RESULTS) == {"ece": True}
    assert clear(compared([0.75, 0.77, 0.79], [0.70, 0.73, 0.74])) == {"accuracy": False}
    found = {found.score.field: found for found in verdict.comparisons(RESULTS)}
    assert verdict.against(found["accuracy"]) == "75.0 against 77.0\xa0%"
    assert verdict.against(found["nll"]) == "0.250 against 0.250\xa0nats"


def test_the_interval_is_that_of_the_paired_t_test():
    rng = np.random.default_rng(0)
    for count in (3, 5, 8):
        none, mixup = rng.normal(size=(2, count))
        (found, *_) = verdict.comparisons(compared(none, mixup))
        interval = stats.ttest_rel(mixup, none).confidence_interval(0.95)
        np.testing.assert_allclose(
            [found.mean - found.margin, found.mean + found.margin], [*interval], rtol=1e-9
        )


@pytest.mark.parametrize(
    ("none", "mixup"),
    [
        ([0.80], [0.60]),  # one seed decides nothing
        ([0.80, 0.70], [0.60, 0.50]),  # nor do two that agree
        ([0.80, 0.70, 0.80], [0.60, 0.71, 0.60]),  # worse at two of three
        ([0.80, 0.80, 0.80], [0.78, 0.70, 0.79]),  # worse at all, by very different amounts
        ([0.80, 0.80, 0.80], [0.79, 0.80, 0.80]),
        ([0.80, 0.80, 0.80], [0.80, 0.80, 0.80]),
    ],
)
def test_few_seeds_that_disagree_decide_nothing(none, mixup):
    results = compared(none, mixup)
    assert clear(results) == {}
    assert len(verdict.comparisons(results)) == 6


def test_few_validation_samples_decide_nothing_about_accuracy():
    for samples, enough in ((50, False), (60, True)):  # 5 and 6 samples
        results = compared([0.5] * 3, [0.6] * 3, {"validation_samples": samples})
        assert ("accuracy" in clear(results)) is enough


def test_only_seeds_of_both_are_compared():
    runs = [run("none", 0, 0.5), run("mixup", 0, 0.6), run("mixup", 1, 0.1)]
    results = Results({}, {"none": None, "mixup": {}}, runs)
    (accuracy, *_) = verdict.comparisons(results)
    assert accuracy.pairs == [(0.6, 0.5)]
    assert not accuracy.is_clear


def test_without_the_baseline_nothing_is_said():
    results = Results({}, {"mixup": {}}, [run("mixup", 0, 0.5)])
    assert verdict.comparisons(results) == []


def test_no_run_is_no_report(tmp_path):
    with pytest.raises(ValueError, match="at least one finished run"):
        write_report(Results({}, {}), tmp_path)


@pytest.mark.parametrize("full", [False, True])
def test_the_tables_fit_the_terminal(full):
    runs = [*RESULTS.runs, run("[b]", 0, 0.5)]
    mixers = {**RESULTS.mixers, "[b]": None}
    results = Results(RESULTS.settings, mixers, [with_full(r) for r in runs] if full else runs)
    written = io.StringIO()
    console.Console(file=written, width=80).print(*terminal.tables(results, "[c]"))
    shown = written.getvalue()
    assert "…" not in shown
    for text in ("[b]", "[c]", "77.0│", "± 2.0", "± 5.0", "0.250│", "mixup", "over 1 or 3 seeds"):
        assert text in shown
    assert ("OOD AUROC" in shown) is full


def test_the_table_of_one_seed_promises_no_spread():
    *_, last = terminal.tables(Results(RESULTS.settings, {"a": None}, [run("a", 0, 0.5)]))
    assert last.caption == "one seed"


def test_the_table_of_a_model_from_elsewhere_says_nothing_of_seeds():
    *_, last = terminal.tables(Results({"samples": 1}, {"a": None}, [run("a", 0, 0.5)]))
    assert last.caption is None


def test_runs_without_a_temperature_have_none_on_the_page_and_in_the_tables(tmp_path):
    runs = [made("none", seed, 1.0, temperature=None) for seed in range(3)]
    runs += [made("mixup", seed, 0.98, temperature=None if seed else 0.5) for seed in range(3)]
    found = results(runs)
    page = write_report(found, tmp_path).read_text(encoding="utf-8")
    assert "None" not in page
    assert "<small>1 of 3 seeds</small>" in page
    written = io.StringIO()
    console.Console(file=written, width=80).print(*terminal.tables(found))
    assert "–│" in written.getvalue()
    assert "n = 1│" in written.getvalue()
    assert "…" not in written.getvalue()
    assert Results.from_json(found.to_json()) == found


def test_samples_show_the_same_images_under_each_mixer():
    images = np.random.default_rng(0).random([6, 5, 5, 1]).astype(np.float32)
    figure = draw((images, np.arange(6) % 2), {"a": None, "b": None}, ["x", "y"], columns=3)
    shown = [axes.images[0].get_array() for axes in figure.axes]
    np.testing.assert_array_equal(shown[:3], shown[3:])
    assert [text.get_text() for text in figure.texts] == ["a", "b"]


def test_few_images_make_a_narrow_grid():
    images = np.zeros([6, 5, 5, 1], np.float32)
    for rows, count in ((1, 6), (2, 6), (4, 4)):
        assert (
            len(draw((images, np.arange(6) % 2), {"a": None}, ["x", "y"], rows=rows).axes) == count
        )
    with pytest.raises(ValueError, match="Received: rows=7"):
        draw((images, np.arange(6) % 2), {"a": None}, ["x", "y"], rows=7)


@pytest.mark.parametrize(
    ("grid", "rule"), [({"columns": 0}, "at least 1"), ({"columns": 3, "rows": 3}, "at most 6, ")]
)
def test_a_grid_that_does_not_fit_is_refused(grid, rule):
    images = np.zeros([6, 5, 5, 1], np.float32)
    with pytest.raises(
        ValueError, match=rf"`columns` and `rows` must be {rule}.*Received: columns="
    ):
        draw((images, np.arange(6) % 2), {"none": None}, ["x", "y"], **grid)
