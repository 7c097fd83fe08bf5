"""The report of one or several comparisons: one HTML page that loads nothing from elsewhere."""

import html
import importlib.resources
import os
import pathlib
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from keras_mix._core import atomic_file
from keras_mix._core.optional_imports import require
from keras_mix.evaluate import charts, verdict
from keras_mix.evaluate.answer import answer
from keras_mix.evaluate.results import (
    ACCURACY,
    BASELINE,
    BRIER,
    ECE,
    ECE_SCALED,
    FULL_SCORES,
    NLL,
    NLL_SCALED,
    Results,
    Score,
)
from keras_mix.evaluate.samples import Samples

FILE = "report.html"
# Gains are drawn of these scores, if they were measured.
DRAWN = (ACCURACY, NLL, NLL_SCALED, ECE, ECE_SCALED, BRIER, *FULL_SCORES)
AFTER, FLOOR = "scaled.", "floor.mean"


def write_report(
    results: Results | Mapping[str, Results],
    folder: str | os.PathLike[str],
    *,
    title: str = "Mixing compared",
    samples: Samples | None = None,
    command: str | None = None,
    notes: Sequence[str] = (),
) -> pathlib.Path:
    """Writes `report.html`, a page that needs no other file and no network.

    Args:
        results: `keras_mix.evaluate.Results` with at least one run, or a dict from titles to
            these, such as of comparisons on clean and on wrong labels, for one page. An empty title
            is not shown.
        folder: Path of a folder, created if missing; `~` is the home folder.
        title: String. Headline. Defaults to "Mixing compared".
        samples: Mixed samples, as returned by `mixed_samples`. Defaults to None.
        command: String. Command that repeats the comparison. Defaults to None.
        notes: Sequence of strings. Remarks for the reader, such as skipped images. Defaults to ().

    Returns:
        `pathlib.Path` of the page.

    Raises:
        ValueError: If there is no finished run.
        OSError: If a file cannot be written.
        ImportError: If jinja2, Pillow or scipy is missing.

    Example:

    >>> from keras_mix.evaluate import Results, Run
    >>> run = Run.of_predictions("none", [[0.9, 0.1], [0.2, 0.8]] * 4, [0, 1] * 4)
    >>> write_report(Results({"epochs": 1}, {"none": None}, [run]), ".").name
    'report.html'
    """
    named = {"": results} if isinstance(results, Results) else dict(results)
    if not named or not all(part.runs for part in named.values()):
        raise ValueError("write_report: `results` must hold at least one finished run.")
    jinja2 = require("jinja2", "The report")
    template = importlib.resources.files("keras_mix.evaluate").joinpath(FILE).read_text("utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    markupsafe = require("markupsafe", "The report")
    environment.filters["svg"] = markupsafe.Markup
    environment.filters["prose"] = lambda text: markupsafe.Markup(_prose(text))
    environment.filters["name"] = lambda text: markupsafe.Markup(_name(text))
    parts = [_Part(*pair) for pair in named.items()]
    page = environment.from_string(template).render(
        title=title,
        baseline=BASELINE,
        parts=parts,
        trained=all(part.results.trained for part in parts),
        full=any("Robustness" in part.tables for part in parts),
        epochs=parts[0].results.settings.get("epochs"),
        facts=_facts(parts),
        gains=_gains(parts),
        least_samples=verdict.LEAST_SAMPLES,
        rows=samples.rows() if samples else {},
        command=command,
        notes=notes,
    )
    path = pathlib.Path(os.path.expanduser(folder)) / FILE
    # Names of files may hold what is no UTF-8.
    atomic_file.write(path, page.encode("utf-8", "backslashreplace"))
    return path


def _prose(text):
    """Markup of a sentence: numbers in brackets stand back, dotted names may break at the dots."""
    text = html.escape(text)
    text = re.sub(r"(?<=\w)\.(?=[A-Za-z])", ".<wbr>", text)
    return re.sub(r"(?<= )\([^()]*\)", r"<small>\g<0></small>", text)


def _name(text):
    """Markup of a mixer's name, which may break before its arguments."""
    return re.sub(r"([:,])", r"\1<wbr>", html.escape(text))


class Column(NamedTuple):
    """A column of the table.

    Attributes:
        score: The `Score`.
        group: String, the heading above its own and its neighbor's.
        heading: String, its own below that; empty where it stands alone.
        floor: The `Score` of the noise floor in the same cell, or None.
    """

    score: Score
    group: str
    heading: str
    floor: Score | None


class Cell(NamedTuple):
    """A cell of the table: its number as text and for sorting, the verdict, and what stands below.

    Attributes:
        text: String, the mean.
        value: Float, the mean that the table sorts by.
        sign: Integer, 1 or -1 for a clear gain or loss, else 0.
        below: List of strings, the deviation and the noise floor.
    """

    text: str
    value: float
    sign: int
    below: list


class _Part:
    """One comparison of the page."""

    def __init__(self, title, results):
        self.title, self.results = title, results
        self.answer = answer(results)
        self.comparisons = verdict.comparisons(results)
        full = set(FULL_SCORES) & set(results.columns)
        columns = _columns(results)
        # Of the robustness there is a table of its own: both in one would be too wide.
        self.tables = {"Scores": [column for column in columns if column.score not in full]}
        if full:
            self.tables["Robustness"] = [column for column in columns if column.score in full]
        self.counts = {mixer: len(results.of(mixer)) for mixer in results.measured}
        self.summary = results.summary()

    def cells(self, mixer, columns):
        """The cells of a row of one of the tables."""
        signs = {
            found.score.field: charts.sign(found)
            for found in self.comparisons
            if found.mixer == mixer
        }
        made = []
        for column in columns:
            numbers = self.summary[mixer]
            spread = numbers[column.score.field]
            mean, _, deviation = spread.text(column.score).partition(" ± ")
            below = [f"± {deviation}"] if deviation else []
            if spread.is_partial(self.counts[mixer]):
                below.append(f"{spread.count} of {self.counts[mixer]} seeds")
            if column.floor:
                floor = numbers[column.floor.field]._replace(deviation=None).text(column.floor)
                below.append(f"floor {floor}")
            made.append(Cell(mean, spread.mean, signs.get(column.score.field, 0), below))
        return made

    def diagrams(self):
        """List of (mixer, caption, reliability diagram as SVG)."""
        pooled = {mixer: self.results.reliability(mixer) for mixer in self.counts}
        return [
            (
                mixer,
                self.caption(mixer),
                charts.reliability(diagram, mixer, self.counts[mixer]),
            )
            for mixer, diagram in pooled.items()
        ]

    def caption(self, mixer):
        """Such as `"ECE 7.1 %, after T 1.2 %"`, the means that the table shows."""
        before, *after = [
            f"{spread.mean * score.factor:.{score.digits}f} {score.unit}"
            for score in (ECE, ECE_SCALED)
            if (spread := self.summary[mixer].get(score.field)) and spread.count
        ]
        return f"ECE {before}" + "".join(f", after T {text}" for text in after)

    def differences(self):
        """List of (comparison, its gain and interval as text, its verdict)."""
        return [
            (found, charts.numbers(found, found.score), charts.sign(found))
            for found in self.comparisons
        ]


def _columns(results):
    """The scores as `Column`s: variants of a score beside each other, floors in their cells."""
    scores = {score.field: score for score in results.columns}
    columns = []
    for field, score in scores.items():
        if field.endswith(FLOOR):
            continue
        prefix = AFTER if field.startswith(AFTER) else ""
        # "ECE, equal mass" is a variant of "ECE".
        group, _, variant = scores[field.removeprefix(prefix)].title.partition(", ")
        if prefix or AFTER + field in scores:
            variant = "after T" if prefix else "as trained"
        floor = scores.get(prefix + FLOOR) if field == prefix + "ece" else None
        columns.append(Column(score, group, variant, floor))
    order = list(dict.fromkeys(column.group for column in columns))
    return sorted(columns, key=lambda column: order.index(column.group))


def _gains(parts):
    """List of (score, chart of the gains in it)."""
    charted = []
    for score in DRAWN:
        groups = {
            part.title: [found for found in part.comparisons if found.score == score]
            for part in parts
        }
        groups = {title: rows for title, rows in groups.items() if rows}
        if groups:
            charted.append((score, charts.gains(groups, score)))
    return charted


def _facts(parts):
    """Dict from settings and mixers to texts: one for all parts, or each part's."""
    settings = [part.results.settings for part in parts]
    keys = dict.fromkeys(key for each in settings for key in each)
    facts = {}
    for key in keys:
        texts = [_text(each[key]) if key in each else "" for each in settings]
        if len(set(texts)) > 1:
            named = zip(parts, texts, strict=True)
            texts = ["; ".join(f"{part.title}: {text}" for part, text in named)]
        facts[key.replace("_", " ")] = texts[0]
    mixers = {mixer: c for part in parts for mixer, c in part.results.mixers.items() if c}
    for mixer, config in mixers.items():
        plain = {key: value for key, value in config.items() if not isinstance(value, dict)}
        facts[mixer] = ", ".join(f"{key}={value}" for key, value in plain.items())
    return facts


def _text(value):
    if isinstance(value, dict):
        return ", ".join(f"{name} {version}" for name, version in value.items())
    return str(value)
