"""Progress and results in the terminal, by rich."""

import contextlib

from keras_mix._core.optional_imports import require
from keras_mix.evaluate.results import (
    ECE,
    ECE_FLOOR,
    ECE_MASS,
    ECE_SCALED,
    ECE_SCALED_FLOOR,
    FULL_SCORES,
    GAP,
)

# The columns of a table of their own: how far the confidence is from the accuracy.
CALIBRATION = (GAP, ECE, ECE_FLOOR, ECE_SCALED, ECE_SCALED_FLOOR, ECE_MASS)


@contextlib.contextmanager
def bar():
    """Shows a progress bar; yields the callable that moves it.

    Yields:
        callable of (finished epochs, all epochs, text).
    """
    rich = require("rich.progress", "The progress bar")
    with rich.Progress(
        rich.TextColumn("{task.description}", markup=False),
        rich.BarColumn(bar_width=None),
        rich.MofNCompleteColumn(),
        rich.TextColumn("epochs, remaining"),
        rich.TimeRemainingColumn(),
    ) as progress:
        task = progress.add_task("", total=None)

        def report(done, total, text):
            progress.update(task, completed=done, total=total, description=text)

        yield report


def tables(results, title=None):
    """Makes the tables of the results, one row a mixer: mean above standard deviation.

    Args:
        results: `keras_mix.evaluate.Results`.
        title: String. Headline, not read as markup. Defaults to None.

    Returns:
        List of `rich.table.Table`, each for a terminal of 80 columns: of accuracy and likelihood,
        of the calibration, and, of a full comparison, of the robustness and of the ranking by
        confidence.
    """
    rest = [score for score in results.columns if score not in (*CALIBRATION, *FULL_SCORES)]
    robust = [score for score in results.columns if score.field.startswith("robustness.")]
    full = [score for score in results.columns if score in FULL_SCORES and score not in robust]
    made = [_table(results, columns) for columns in (rest, CALIBRATION, robust, full) if columns]
    if title is not None:
        made[0].title = require("rich.text", "The table of results").Text(title)
    if results.trained:
        counts = {len(results.of(mixer)) for mixer in results.measured}
        made[-1].caption = _caption(sorted(counts))
    return made


def _table(results, columns):
    summary = results.summary()
    text = require("rich.text", "The table of results")
    made = require("rich.table", "The table of results").Table(
        padding=(0, 0, 0, 1),
    )
    made.add_column("Mixer" if results.trained else "Model", overflow="fold", min_width=10)
    for score in columns:
        arrow = {True: " ↑", False: " ↓", None: ""}[score.higher_is_better]
        made.add_column(f"{score.title}\n{score.unit}{arrow}", justify="right", no_wrap=True)
    for mixer, numbers in summary.items():
        runs = len(results.of(mixer))
        cells = [_cell(numbers[score.field], score, runs) for score in columns]
        # Brackets in arguments are no markup.
        made.add_row(text.Text(mixer), *cells)
    return made


def _cell(spread, score, runs):
    """A mean above its deviation, and above the number of runs where some do not have it."""
    text = spread.text(score).replace(" ± ", "\n± ")
    return f"{text}\nn = {spread.count}" if spread.is_partial(runs) else text


def _caption(counts):
    """What the numbers are, from the numbers of seeds that mixers have; one seed has no spread."""
    if counts == [1]:
        return "one seed"
    return f"mean ± sample standard deviation over {' or '.join(map(str, counts))} seeds"
