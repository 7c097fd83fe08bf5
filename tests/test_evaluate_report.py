"""The page and the words about a comparison, from results made by hand."""

import base64
import html.parser
import io
import itertools
import re

import numpy as np
import pytest
from PIL import Image
from rich import console
from scipy import stats
from synthetic_runs import made, with_full

from keras_mix.evaluate import (
    Reliability,
    Results,
    charts,
    draw,
    mixed_samples,
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
    assert len(verdict.undecided(results)) == 6


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


class Page(html.parser.HTMLParser):
    """Checks the nesting of a page, and collects its tags with their attributes and its text."""

    VOID = ("meta", "img", "line", "rect", "circle", "polygon")

    def __init__(self, path):
        super().__init__()
        self.tags, self.open, self.text = [], [], ""
        self.source = path.read_text("utf-8")
        self.feed(self.source)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.text += data

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page of two comparisons, with everything that a page can hold."""
    images = np.linspace(0, 1, 100, dtype=np.float32).reshape(4, 5, 5, 1)
    samples = mixed_samples(
        (images, np.arange(4) % 2), {"none": None, "same": None}, ["a<b", "b"], columns=2
    )
    parts = {"Clean <labels>": RESULTS, "Wrong labels": compared([0.75] * 2, [0.85] * 2)}
    path = write_report(
        parts, tmp_path_factory.mktemp("page"), title="A <b>title", samples=samples,
        command="keras-mix compare '<folder>'", notes=["Skipped <1> image."],
    )  # fmt: skip
    assert [file.name for file in path.parent.iterdir()] == ["report.html"]
    return Page(path)


def test_the_page_holds_the_measured_numbers(page):
    for text in (
        "77.0 ± 2.0", "75.0 ± 5.0", "0.250 ± 0.000", "2.0 ± 1.0", "2.5 ± 0.0", "3 seeds",
        "keras 3.x", "alpha=0.2",
        # The gains and their 95 % intervals: t(0.975, 2) = 4.303.
        "−2.0 ± 10.8", "+3.0 ± 2.5", "+10.0 ± 0.0",
    ):  # fmt: skip
        assert text in page.text
    assert "late" not in page.text


def test_names_and_notes_are_no_markup(page):
    for text in (
        "A <b>title", "Clean <labels>", "'<folder>'", "Skipped <1> image.", "a<b: 1.00"
    ):  # fmt: skip
        assert text in page.text
    assert not page.all("b>title")
    assert not page.all("labels")


def test_the_page_loads_nothing(page):
    assert not page.all("link")
    assert not re.search(r"(https?:|url\(|@import)", page.source)
    sources = [attributes["src"] for _, attributes in page.tags if "src" in attributes]
    assert sources
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert "src" not in page.all("script")[0]


def test_mixed_samples_are_enlarged_without_smoothing(page):
    sources = [attributes["src"].partition(",")[2] for attributes in page.all("img")]
    pictures = [np.asarray(Image.open(io.BytesIO(base64.b64decode(s)))) for s in sources]
    assert [picture.shape for picture in pictures] == [(100, 100)] * 4  # the 5×5 pixels, 20 times
    for plain, same in zip(pictures[:2], pictures[2:], strict=True):
        np.testing.assert_array_equal(plain, same)
        assert len(np.unique(plain)) == 25
        np.testing.assert_array_equal(plain, plain[::20, ::20].repeat(20, 0).repeat(20, 1))


def test_tables_sort_by_numbers_that_are_in_the_page(page):
    kinds = [attributes["data-sort"] for attributes in page.all("th") if "data-sort" in attributes]
    assert kinds.count("text") >= 2
    assert kinds.count("number") >= 5
    values = [
        attributes["data-value"] for attributes in page.all("td") if attributes.get("data-value")
    ]
    assert {"0.77", "0.75", "0.02"} <= {f"{float(v):.2g}" for v in values if v[0].isdigit()}
    assert all("scope" in attributes for attributes in page.all("th"))


def test_the_page_can_be_read_out(page):
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert page.all("html")[0]["lang"] == "en"
    charts = page.all("svg")
    assert all(chart["role"] == "img" for chart in charts)
    (accuracy, *_) = [chart["aria-label"] for chart in charts]
    assert accuracy == (
        "Gains in Accuracy: Clean <labels>, mixup −2.0 ± 10.8, not clear; "
        "Wrong labels, mixup +10.0 ± 0.0, clearly better"
    )
    assert all("alt" in attributes for attributes in page.all("img"))


def test_a_page_of_one_run_draws_no_differences(tmp_path):
    path = write_report(Results({"epochs": 1}, {"none": None}, [run("none", 0, 0.5)]), tmp_path)
    page = Page(path)
    assert "What mixing changes" not in page.text
    assert "What the network saw" not in page.text
    assert "1 seed" in page.text
    assert len(page.all("svg")) == 1


def test_gains_lie_where_the_axis_says():
    found, scale = verdict.comparisons(compared([0.5] * 3, [0.6, 0.7, 0.8])), None
    drawn = charts.gains(
        {"": [one for one in found if one.score.field == "accuracy"]}, found[0].score
    )
    ticks = dict(
        (text, float(x))
        for x, text in re.findall(
            r'<text class="tick middle" x="([\d.]+)" y="[\d.]+">([^<]+)<', drawn
        )
    )
    scale = ticks["+20"] - ticks["0"]
    (left, right) = map(
        float,
        re.search(r'<line class="unclear" x1="([\d.]+)" y1="[\d.]+" x2="([\d.]+)"', drawn).groups(),
    )
    margin = stats.t.ppf(0.975, 2) * 0.1 / np.sqrt(3)
    np.testing.assert_allclose(
        [(end - ticks["0"]) / scale * 0.2 for end in (left, right)],
        [0.2 - margin, 0.2 + margin], atol=0.002,
    )  # fmt: skip


def test_marks_outside_the_band_say_on_which_side():
    diagram = Reliability([100, 100, 100], [0.2, 0.5, 0.8], [0.5, 0.5, 0.5])
    drawn = charts.reliability(diagram, "a")
    marks = re.findall(r'<(?:polygon|circle) class="(\w+)', drawn)
    assert marks == ["under", "unclear", "over"]
    assert "Reliability diagram of a: ECE 20.0 % over 300 predictions" in drawn


def test_no_run_is_no_report(tmp_path):
    with pytest.raises(ValueError, match="at least one finished run"):
        write_report(Results({}, {}), tmp_path)


@pytest.mark.parametrize(("full", "width"), [(False, 80), (True, 100)])
def test_the_tables_fit_the_terminal(full, width):
    runs = [*RESULTS.runs, run("[b]", 0, 0.5)]
    mixers = {**RESULTS.mixers, "[b]": None}
    results = Results(RESULTS.settings, mixers, [with_full(r) for r in runs] if full else runs)
    written = io.StringIO()
    console.Console(file=written, width=width).print(*terminal.tables(results, "[c]"))
    shown = written.getvalue()
    assert "…" not in shown
    for text in ("[b]", "[c]", "77.0│", "± 2.0", "± 5.0", "0.250│", "mixup", "over 1 or 3 seeds"):
        assert text in shown
    assert ("OOD AUROC" in shown) is full


def test_the_table_of_one_seed_promises_no_spread():
    *_, last = terminal.tables(Results(RESULTS.settings, {"a": None}, [run("a", 0, 0.5)]))
    assert last.caption == "one seed"


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
