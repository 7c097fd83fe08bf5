"""The report of one or several comparisons: one HTML page that loads nothing from elsewhere."""

import importlib.resources
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from keras_mix._core import atomic_file
from keras_mix._core.optional_imports import require
from keras_mix.evaluate import charts, verdict
from keras_mix.evaluate.results import BASELINE, SCORES, SECONDS, Results, Score
from keras_mix.evaluate.samples import Samples

FILE = "report.html"
# Gains are drawn of these scores, if they were measured.
DRAWN = ("accuracy", "nll", "scaled.nll", "ece", "scaled.ece", "brier")
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

    >>> from keras_mix.evaluate import Reliability, Results, Run
    >>> run = Run("none", 0, 1.0, 0.1, 0.02, 0.1, 3.0, [0.2], Reliability([1], [0.9], [1.0]))
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
    environment.filters["svg"] = require("markupsafe", "The report").Markup
    parts = [_Part(*pair) for pair in named.items()]
    page = environment.from_string(template).render(
        title=title,
        baseline=BASELINE,
        parts=parts,
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

    @property
    def goal(self):
        """What is better, if anything is."""
        return self.score.goal


class Cell(NamedTuple):
    """A cell of the table: its text, the number it sorts by, the verdict and the floor."""

    text: str
    value: float
    sign: int
    floor: str


class _Part:
    """One comparison of the page."""

    def __init__(self, title, results):
        self.title, self.results = title, results
        self.comparisons = verdict.comparisons(results)
        self.columns = _columns(results)
        self.counts = {mixer: len(results.of(mixer)) for mixer in results.measured}
        self.summary = results.summary()

    def cells(self, mixer):
        """The cells of a row, in the order of the columns."""
        signs = {
            found.score.field: charts.sign(found)
            for found in self.comparisons
            if found.mixer == mixer
        }
        made = []
        for column in self.columns:
            field, numbers = column.score.field, self.summary[mixer]
            floor = numbers[column.floor.field].mean * column.floor.factor if column.floor else None
            made.append(
                Cell(
                    numbers[field].text(column.score),
                    numbers[field].mean,
                    signs.get(field, 0),
                    "" if floor is None else f"{floor:.{column.floor.digits}f}",
                )
            )
        return made

    def diagrams(self):
        """List of (mixer, caption, reliability diagram as SVG)."""
        pooled = {mixer: self.results.reliability(mixer) for mixer in self.counts}
        return [
            (
                mixer,
                f"ECE {100 * diagram.calibration_error:.1f} %",
                charts.reliability(diagram, mixer, self.counts[mixer]),
            )
            for mixer, diagram in pooled.items()
        ]

    def differences(self):
        """List of (comparison, its gain and interval as text, its verdict)."""
        return [
            (found, charts.numbers(found, found.score), charts.sign(found))
            for found in self.comparisons
        ]


def _columns(results):
    """The scores as `Column`s: those after scaling beside those before, floors in their cells."""
    scores = {score.field: score for score in (*SCORES, SECONDS)}
    columns = []
    for field, score in scores.items():
        if field.endswith(FLOOR):
            continue
        pair = AFTER + field in scores or field.startswith(AFTER)
        heading = ("after T" if field.startswith(AFTER) else "as trained") if pair else ""
        group = scores[field.removeprefix(AFTER)].title
        prefix = AFTER if field.startswith(AFTER) else ""
        floor = scores.get(prefix + FLOOR) if field == prefix + "ece" else None
        columns.append(Column(score, group, heading, floor))
    order = list(dict.fromkeys(column.group for column in columns))
    return sorted(columns, key=lambda column: order.index(column.group))


def _gains(parts):
    """List of (score, chart of the gains in it)."""
    scores = {found.score.field: found.score for part in parts for found in part.comparisons}
    charted = []
    for field in DRAWN:
        groups = {
            part.title: [found for found in part.comparisons if found.score.field == field]
            for part in parts
        }
        groups = {title: rows for title, rows in groups.items() if rows}
        if groups:
            charted.append((scores[field], charts.gains(groups, scores[field])))
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
