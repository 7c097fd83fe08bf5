"""The page and the table of decisions, from what `report` has gathered."""

from pathlib import Path

from tools import static_pages
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
    environment = static_pages.environment(Path(__file__).parent)
    environment.filters["interval"] = interval
    environment.filters["place"] = place
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
    difference = "difference to no mixing [95 % interval]"
    heads = ("you have", "use", "not", difference, "measured on", "literature")
    lines = ["| " + " | ".join(heads) + " |", "| " + " | ".join(["---"] * len(heads)) + " |"]
    for row in decided:
        evidence = "; ".join(f"{each['text']} {interval(each)}" for each in row["evidence"])
        texts = (row["situation"], row["choice"], row["avoid"], evidence, place(row))
        lines.append("| " + " | ".join(text or "–" for text in (*texts, row["literature"])) + " |")
    return "\n".join(lines) + "\n"


def place(row):
    """Where a decision was measured: "digits, mnist; n 50–300; 40 % random labels; wide"."""
    keys = {key for each in row["evidence"] for key in each["cells"]}
    if not keys:
        return ""
    parts = zip(*(key.split("-")[:4] for key in keys), strict=True)
    data, sizes, noises, widths = map(set, parts)
    sizes, noises = sorted(map(int, sizes)), sorted(100 * float(noise) for noise in noises)
    wrong = " and ".join(f"{noise:g}" for noise in noises)
    return "; ".join(
        [
            ", ".join(name for name in grid.DATA if name in data),
            f"n {sizes[0]}–{sizes[-1]}" if len(sizes) > 1 else f"n {sizes[0]}",
            f"{wrong} % random labels" if any(noises) else "clean",
            " and ".join(width for width in grid.WIDTHS if width in widths),
        ]
    )


def interval(numbers):
    """A difference as +0.012 [+0.004, +0.020], or "not run"."""
    if not numbers["cells"]:
        return "not run"
    mean, low, high = (
        f"{numbers[name]:+.{DECIMALS}f}".replace("-", "−") for name in ("mean", "low", "high")
    )
    return f"{mean} [{low}, {high}]"
