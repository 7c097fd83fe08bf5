"""Progress and results in the terminal, by rich."""

import contextlib

from keras_mix._core.optional_imports import require
from keras_mix.evaluate.results import SCORES, SECONDS


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


def table(results, title=None):
    """Makes the table of the results, one row a mixer.

    Args:
        results: `keras_mix.evaluate.Results`.
        title: String. Headline, not read as markup. Defaults to None.

    Returns:
        A `rich.table.Table`.
    """
    summary = results.summary()
    text = require("rich.text", "The table of results")
    made = require("rich.table", "The table of results").Table(
        title=None if title is None else text.Text(title),
        caption=_caption(sorted({numbers["seconds"].count for numbers in summary.values()})),
        padding=(0, 0, 0, 1),
    )
    made.add_column("Mixer", overflow="fold", min_width=10)
    for score in (*SCORES, SECONDS):
        arrow = "" if score is SECONDS else " ↑" if score.higher_is_better else " ↓"
        made.add_column(f"{score.title}{arrow}\n{score.unit}", justify="right", no_wrap=True)
    for mixer, numbers in summary.items():
        # Brackets in arguments are no markup.
        made.add_row(
            text.Text(mixer), *[numbers[score.field].text(score) for score in (*SCORES, SECONDS)]
        )
    return made


def _caption(counts):
    """What the numbers are, from the numbers of seeds that mixers have; one seed has no spread."""
    if counts == [1]:
        return "one seed"
    return f"mean ± sample standard deviation over {' or '.join(map(str, counts))} seeds"
