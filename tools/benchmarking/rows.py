"""A row of the benchmark: two figures, their ratio, and the bound that it has to keep."""

import statistics
from typing import NamedTuple

from benchmarking.rounds import ratio, spread

OK, MISSED = "ok", "missed"


class Row(NamedTuple):
    """What one comparison found.

    Attributes:
        what: What was measured.
        figure: Its figure, in the unit of the table, or None where only the ratio is measured.
        against: What it is compared with, or "".
        other: The figure of that, or None.
        ratio: The ratio of the two, the median over rounds that both ran in, or None.
        quartiles: The lower and the upper quartile of the ratio over the rounds, or None.
        least: The least that the ratio may be, or the figure where there is no ratio; or None.
        most: The most, likewise.
    """

    what: str
    figure: float | None
    against: str = ""
    other: float | None = None
    ratio: float | None = None
    quartiles: tuple[float, float] | None = None
    least: float | None = None
    most: float | None = None

    @property
    def verdict(self):
        """Returns OK, MISSED, or "" without a bound."""
        if self.least is None and self.most is None:
            return ""
        judged = self.figure if self.ratio is None else self.ratio
        low = self.least is not None and judged < self.least
        high = self.most is not None and judged > self.most
        return MISSED if low or high else OK


def faster(what, own, against, other, samples, least=None):
    """A row of speeds in samples a second; its ratio says how many times as fast ours is.

    Args:
        what: The name of ours.
        own: Its seconds a batch, one number for each round.
        against: The name of the other.
        other: Its seconds a batch in the same rounds.
        samples: The number of samples of a batch.
        least: The least ratio.
    """
    figures = speed(own, samples), against, speed(other, samples)
    return Row(what, *figures, ratio(own, other), spread(own, other), least)


def costlier(what, own, against, other, samples, most=None):
    """A row of microseconds a sample; its ratio says how many times as long ours takes."""
    figures = cost(own, samples), against, cost(other, samples)
    return Row(what, *figures, ratio(other, own), spread(other, own), most=most)


def cost(seconds, samples):
    """Microseconds a sample."""
    return 1e6 * statistics.median(seconds) / samples


def speed(seconds, samples):
    """Samples a second."""
    return samples / statistics.median(seconds)


def table(title, unit, rows, absent=None):
    """The rows as JSON takes them.

    Args:
        title: What they have in common.
        unit: The unit of their figures.
        rows: List of `Row`.
        absent: {what could not be measured: the reason}.
    """
    return {
        "title": title,
        "unit": unit,
        "rows": [{**row._asdict(), "verdict": row.verdict} for row in rows],
        "absent": absent or {},
    }


def missed(tables):
    """Returns a sentence on each row that misses its bound."""
    return [
        f"{each['title']}, {each['regime']} memory: {row['what']}{against(row)}: {judged(row)}, "
        f"which should be {bound(row)}"
        for each in tables
        for row in each["rows"]
        if row["verdict"] == MISSED
    ]


def against(row):
    """Returns what the row compares with, as it stands behind what is compared."""
    return f" against {row['against']}" if row["against"] else ""


def judged(row):
    """Returns the number of a row that its bound is on, as text."""
    return number(row["figure"]) if row["ratio"] is None else f"{row['ratio']:.2f}×"


def bound(row):
    """Returns the bound of a row as text, "" without one."""
    signs = {"≥": row["least"], "≤": row["most"]}
    return " and ".join(f"{sign} {value:g}" for sign, value in signs.items() if value is not None)


def number(value):
    """Returns a figure with three digits at least."""
    if value is None:
        return ""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"


def quartiles(row):
    """Returns the quartiles of a row as text, "" without them."""
    return "–".join(f"{value:.2f}" for value in row["quartiles"] or ())


def shape(sizes):
    """Returns a shape as text: "128 × 224 × 224 × 3"."""
    return " × ".join(f"{size:,}" for size in sizes)
