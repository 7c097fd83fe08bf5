"""The page and the words about a comparison, from results made by hand."""

import base64
import io
import re

import numpy as np
import pytest
from rich import console
from scipy import stats

from keras_mix.evaluate import Reliability, Results, Run, draw, terminal, verdict, write_report

DIAGRAM = Reliability([0, 4], [0.0, 0.8], [0.0, 0.75])


def run(mixer, seed, accuracy, ece=0.05):
    return Run(mixer, seed, accuracy, 0.25, 0.125, ece, 2.5, [1.0, 0.5], DIAGRAM)


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


def test_clear_gains_are_counted_seed_by_seed():
    worse, better = verdict.sentences(RESULTS)
    assert worse == []
    assert better == [
        "mixup is better than none in ECE: 2.0 against 5.0\xa0%, better at 3 of 3 seeds."
    ]
    assert verdict.undecided(RESULTS)[0] == (
        "mixup shows no clear difference from none in Accuracy: 75.0 against 77.0\xa0%: "
        "a difference of -2.0, with a 95 % interval of ± 10.8, over 3 seeds."
    )
    worse, _ = verdict.sentences(compared([0.75, 0.77, 0.79], [0.70, 0.73, 0.74]))
    assert worse == [
        "mixup is worse than none in Accuracy: 72.3 against 77.0\xa0%, worse at 3 of 3 seeds."
    ]


def test_the_interval_is_that_of_the_paired_t_test():
    rng = np.random.default_rng(0)
    for count in (2, 3, 5):
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
        ([0.80, 0.70], [0.60, 0.71]),  # worse at one of two
        ([0.80, 0.80], [0.78, 0.70]),  # worse at both, by very different amounts
        ([0.80, 0.80, 0.80], [0.79, 0.80, 0.80]),
        ([0.80, 0.80, 0.80], [0.80, 0.80, 0.80]),
    ],
)
def test_few_seeds_that_disagree_decide_nothing(none, mixup):
    results = compared(none, mixup)
    assert verdict.sentences(results) == ([], [])
    assert len(verdict.undecided(results)) == 4


def test_few_validation_samples_decide_nothing_about_accuracy():
    for samples, clear in ((50, False), (60, True)):  # 5 and 6 samples
        results = compared([0.5, 0.5], [0.6, 0.6], {"validation_samples": samples})
        assert bool(verdict.sentences(results)[1]) is clear


def test_only_seeds_of_both_are_compared():
    runs = [run("none", 0, 0.5), run("mixup", 0, 0.6), run("mixup", 1, 0.1)]
    results = Results({}, {"none": None, "mixup": {}}, runs)
    assert verdict.undecided(results)[0] == (
        "mixup shows no clear difference from none in Accuracy: 60.0 against 50.0\xa0%, "
        "at one seed only."
    )


def test_without_the_baseline_nothing_is_said():
    results = Results({}, {"mixup": {}}, [run("mixup", 0, 0.5)])
    assert verdict.sentences(results) == ([], [])
    assert verdict.undecided(results) == []


def test_the_page_holds_the_measured_numbers_and_its_pictures(tmp_path):
    images = np.zeros([4, 5, 5, 1], np.float32)
    samples = draw((images, np.arange(4) % 2), {"none": None}, ["a", "b"], columns=2)
    path = write_report(
        RESULTS, tmp_path, title="A <b>title", samples=samples, command="keras-mix compare",
        notes=["Skipped 1 image."],
    )  # fmt: skip
    page = path.read_text("utf-8")
    for text in (
        "77.0 ± 2.0", "75.0 ± 5.0", "0.250 ± 0.000", "2.0 ± 1.0", "2.5 ± 0.0",
        "mixup is better than none in ECE: 2.0 against 5.0", "this page makes\n4.",
        "no clear difference from none in Accuracy: 75.0 against 77.0",
        "A &lt;b&gt;title", "keras-mix compare", "Skipped 1 image.", "keras 3.x", "alpha=0.2",
    ):  # fmt: skip
        assert text in page
    assert "late</code>" not in page
    pictures = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    assert [base64.b64decode(picture) for picture in pictures] == [
        (tmp_path / name).read_bytes() for name in ("reliability.png", "samples.png")
    ]
    # Self-contained: nothing is loaded from elsewhere.
    assert not re.search(r'(src|href)="(?!data:)', page)


def test_a_page_without_losses_says_so(tmp_path):
    page = write_report(compared([0.5], [0.6]), tmp_path).read_text("utf-8")
    assert "No mixer is clearly worse than <code>none</code>." in page
    assert "No mixer is clearly better than <code>none</code>." in page
    assert "What the network saw" not in page


def test_no_run_is_no_report(tmp_path):
    with pytest.raises(ValueError, match="at least one finished run"):
        write_report(Results({}, {}), tmp_path)


def test_the_table_fits_80_columns():
    written = io.StringIO()
    mixers = {**RESULTS.mixers, "[b]": None}
    results = Results(RESULTS.settings, mixers, [*RESULTS.runs, run("[b]", 0, 0.5)])
    console.Console(file=written, width=80).print(terminal.table(results))
    assert "[b]" in written.getvalue()
    for number in ("77.0 ± 2.0", "75.0 ± 5.0", "0.250 ± 0.000", "mixup", "over 1 or 3 seeds"):
        assert number in written.getvalue()


def test_the_table_of_one_seed_promises_no_spread():
    caption = terminal.table(Results(RESULTS.settings, {"a": None}, [run("a", 0, 0.5)])).caption
    assert caption == "one seed"


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
