"""The page and the table of decisions, from what `report` has gathered."""

from pathlib import Path

import jinja2

from tools.study import figures, grid
from tools.study.methods import METHODS
from tools.study.predictions import MARGINS

# How differences of scores read.
DECIMALS = 3


def render(scores, judged, decided, missing, drawn, times):
    """The page, a string of HTML.

    Args:
        scores: A `tools.study.table.Scores`.
        judged: List of dicts, the predictions.
        decided: List of dicts, the decisions.
        missing: Dict from keys of cells to methods that were not run.
        drawn: List of (file name, caption) of the figures.
        times: Dict from methods to times relative to none.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["interval"] = interval
    cells = [cell for cell in scores.cells if cell.members == 1]
    return environment.get_template("page.html").render(
        judged=judged,
        decided=decided,
        missing=missing,
        drawn=drawn,
        times=times,
        titles=figures.TITLES,
        cells=len(cells),
        trainings=sum(
            len(rows) * cell.members
            for (cell, method, _), rows in scores.rows.items()
            if method in METHODS
        ),
        margins=MARGINS,
        grid=grid,
    )


def markdown(decided):
    """The decisions as a Markdown table, for the README."""
    lines = [
        "| you have | use | not | difference to no mixing [95 % interval] | literature |",
        "| --- | --- | --- | --- | --- |",
    ]
    for row in decided:
        evidence = "; ".join(f"{each['text']} {interval(each)}" for each in row["evidence"])
        cells = (row["situation"], row["choice"], row["avoid"], evidence, row["literature"])
        lines.append("| " + " | ".join(cell or "–" for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def interval(numbers):
    """A difference as +0.012 [+0.004, +0.020], or "not run"."""
    if not numbers["cells"]:
        return "not run"
    mean, low, high = (
        f"{numbers[name]:+.{DECIMALS}f}".replace("-", "−") for name in ("mean", "low", "high")
    )
    return f"{mean} [{low}, {high}]"
