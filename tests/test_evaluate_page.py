"""The page of a comparison, read as a browser reads it, and its charts."""

import base64
import html.parser
import io
import itertools
import re

import numpy as np
import pytest
from PIL import Image
from scipy import stats
from synthetic_runs import OVER, UNDER, made, results, with_full

from keras_mix.evaluate import (
    Outcome,
    Reliability,
    Results,
    answer,
    charts,
    mixed_samples,
    verdict,
    write_report,
)

CLEAN = results(
    [
        made(mixer, seed, accuracy, ece=ece, scaled={"nll": nll})
        for mixer, numbers in {
            "none": [(0.75, 0.05, 0.3), (0.77, 0.05, 0.4), (0.79, 0.05, 0.5)],
            "mixup:alpha=0.2": [(0.70, 0.01, 0.3), (0.80, 0.02, 0.4), (0.75, 0.03, 0.5)],
        }.items()
        for seed, (accuracy, ece, nll) in enumerate(numbers)
    ],
    versions={"keras": "3.x"},
)
CLEAN.mixers.update({"mixup:alpha=0.2": {"alpha": 0.2}, "late": {}})
NOISY = results(
    [made("none", seed, 0.75 + 0.001 * seed, **OVER) for seed in range(3)]
    + [made("mixup:alpha=0.2", seed, 0.85, **UNDER) for seed in range(3)]
)
PARTS = {"Clean <labels>": CLEAN, "Wrong labels": NOISY}


class Page(html.parser.HTMLParser):
    """Checks the nesting of a page, and collects its tags, its text and the rows of its tables."""

    VOID = ("meta", "img", "wbr")

    def __init__(self, path):
        super().__init__()
        self.tags, self.open, self.text, self.rows = [], [], "", []
        self.source = path.read_text("utf-8")
        self.feed(self.source)
        assert self.open == []
        self.text = " ".join(self.text.split())
        self.rows = [[" ".join(cell.split()) for cell in row] for row in self.rows]

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self.rows[-1].append("")

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.text += data
            if {"th", "td"} & set(self.open):
                self.rows[-1][-1] += f" {data}"

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page of two comparisons, with everything that a page can hold."""
    images = np.linspace(0, 1, 100, dtype=np.float32).reshape(4, 5, 5, 1)
    samples = mixed_samples(
        (images, np.arange(4) % 2), {"none": None, "same": None}, ["a<b", "b"], columns=2
    )
    path = write_report(
        PARTS, tmp_path_factory.mktemp("page"), title="A <b>title", samples=samples,
        command="keras-mix compare '<folder>'", notes=["Skipped <1> image."],
    )  # fmt: skip
    assert [file.name for file in path.parent.iterdir()] == ["report.html"]
    return Page(path)


def test_the_page_leads_with_the_answer_of_each_comparison(page):
    lead = page.text.partition("What mixing changes")[0]
    found = [answer(part) for part in PARTS.values()]
    assert [each.outcome for each in found] == [Outcome.UNDECIDED, Outcome.GAIN]
    texts = [text for each in found for text in (*each.sentences, *each.advice)]
    places = [lead.index(" ".join(text.split())) for text in texts]
    assert places == sorted(places)
    assert len(places) >= 6
    assert lead.count("Clean <labels>") == 1


def test_scores_after_the_temperature_stand_beside_those_before(page):
    groups, headings, plain, mixed = page.rows[:4]
    assert groups == [
        "Mixer", "Accuracy %, higher is better", "NLL nats, lower is better", "T",
        "ECE %, lower is better", "Gap %", "Brier lower is better", "Training s",
    ]  # fmt: skip
    assert headings == ["as trained", "after T", "as trained", "after T", "equal mass"]
    assert plain[:4] == ["none 3 seeds", "77.0 ± 2.0", "0.250 ± 0.000", "0.400 ± 0.100"]
    assert mixed[0] == "mixup: alpha=0.2 3 seeds"
    assert mixed[5:7] == ["▲ clearly better: 2.0 ± 1.0 floor 2.0", "2.0 ± 0.0 floor 2.0"]
    spans = [int(attributes.get("colspan", 0)) for attributes in page.all("th")]
    assert spans[:8] == [0, 0, 2, 0, 3, 0, 0, 0]


def test_gains_and_their_intervals_are_in_the_page(page):
    # Intervals by hand: t(0.975, 2) = 4.303 times the deviation of the differences over √3.
    for text in ("−2.0 ± 10.8", "+3.0 ± 2.5", "+9.9 ± 0.2", "keras 3.x", "alpha=0.2"):
        assert text in page.text
    row = ["Clean <labels>", "mixup: alpha=0.2", "Accuracy", "−2.0 ± 10.8 %", "1 of 3", "○ no"]
    assert row in page.rows
    row = ["Wrong labels", "mixup: alpha=0.2", "Accuracy", "+9.9 ± 0.2 %", "3 of 3", "▲ better"]
    assert row in page.rows
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
        "Gains in Accuracy: Clean <labels>, mixup:alpha=0.2 −2.0 ± 10.8, not clear; "
        "Wrong labels, mixup:alpha=0.2 +9.9 ± 0.2, clearly better"
    )
    assert all("alt" in attributes for attributes in page.all("img"))


def test_a_page_of_one_run_draws_no_differences(tmp_path):
    page = Page(write_report(results([made("none")]), tmp_path))
    for text in ("What mixing changes", "What the network saw", "Every difference", "better than"):
        assert text not in page.text
    assert "none 1 seed" in page.rows[2]
    assert len(page.all("svg")) == 1


def test_a_page_of_a_model_that_was_trained_elsewhere_tells_no_training(tmp_path):
    page = Page(write_report(Results({}, {"m.keras": None}, [made("m.keras")]), tmp_path))
    assert page.rows[0][0] == "Model"
    assert page.rows[2][0] == "m.keras"
    assert "initial weights" not in page.text
    assert answer(Results({}, {"m.keras": None}, [made("m.keras")])).sentences[0] in page.text


def test_robustness_has_a_table_and_charts_of_its_own(tmp_path):
    full = results([with_full(run) for run in NOISY.runs])
    page = Page(write_report(full, tmp_path))
    headings = [row[1] for row in page.rows if row[0] == "Mixer" and row[1] != "Score"]
    assert headings == ["Accuracy %, higher is better", "FGSM %, higher is better"]
    titles = [chart["aria-label"].partition(":")[0] for chart in page.all("svg")]
    assert "Gains in OOD AUROC" in titles
    assert "PGD" in page.text.partition("How the numbers are defined")[2]


def test_gains_lie_where_the_axis_says():
    mixers = {"none": [0.5, 0.5, 0.5], "mixup": [0.6, 0.7, 0.8]}
    runs = [made(mixer, *pair) for mixer, right in mixers.items() for pair in enumerate(right)]
    (found, *_) = verdict.comparisons(results(runs))
    drawn = charts.gains({"": [found]}, found.score)
    shown = re.findall(r'"tick middle" x="([\d.]+)" y="[\d.]+">([^<]+)<', drawn)
    ticks = {text: float(x) for x, text in shown}
    line = re.search(r'<line class="unclear" x1="([\d.]+)" y1="[\d.]+" x2="([\d.]+)"', drawn)
    ends = [(float(x) - ticks["0"]) / (ticks["+20"] - ticks["0"]) * 0.2 for x in line.groups()]
    margin = stats.t.ppf(0.975, 2) * 0.1 / np.sqrt(3)
    np.testing.assert_allclose(ends, [0.2 - margin, 0.2 + margin], atol=0.002)


def test_equal_scores_have_an_axis():
    runs = [made(mixer, seed) for mixer in ("none", "mixup") for seed in range(3)]
    (found, *_) = verdict.comparisons(results(runs))
    assert "+0.0 ± 0.0" in charts.gains({"": [found]}, found.score)


def test_marks_outside_the_band_say_on_which_side():
    diagram = Reliability([100, 100, 100], [0.2, 0.5, 0.8], [0.5, 0.5, 0.5])
    drawn = charts.reliability(diagram, "a")
    marks = re.findall(r'<(?:polygon|circle) class="(\w+)', drawn)
    assert marks == ["under", "unclear", "over"]
    assert "Reliability diagram of a: ECE 20.0 % over 300 predictions" in drawn
