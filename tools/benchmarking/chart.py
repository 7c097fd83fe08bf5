"""The chart of a table of speeds: both regimes side by side, on a scale of logarithms."""

import io

from matplotlib import pyplot as plt
from matplotlib import ticker
from static_pages import COLORS, MARKERS, STYLE

OURS = "keras_mix"
INCHES_A_LINE = 0.32


def suits(table):
    """Whether a table has speeds of contenders."""
    return table["unit"].endswith("/s") and all(row["other"] for row in table["rows"])


def svg(tables):
    """The chart as an element of HTML.

    Args:
        tables: Dicts of `rows.table`, one for each regime.
    """
    names = list(dict.fromkeys(row["what"] for each in tables for row in each["rows"]))
    others = list(dict.fromkeys(_kind(row) for each in tables for row in each["rows"]))
    with plt.rc_context(STYLE):
        height = INCHES_A_LINE * len(names) + 1.2
        figure, axes = plt.subplots(
            1, len(tables), figsize=(10, height), squeeze=False, sharex=True, sharey=True
        )
        for axis, table in zip(axes[0], tables, strict=True):
            _draw(axis, table, names, others)
        axes[0, 0].set_yticks(range(len(names)), names)
        axes[0, 0].set_ylim(len(names) - 0.5, -0.5)
        figure.tight_layout()
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(
            handles, labels, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=3, fontsize=9
        )
        written = io.StringIO()
        figure.savefig(written, format="svg", bbox_inches="tight", metadata={"Date": None})
        plt.close(figure)
    # Without the prologue of a file.
    return "".join(written.getvalue().partition("<svg")[1:])


def _draw(axis, table, names, others):
    """The contenders of one regime, ours on top."""
    for number, other in enumerate(others):
        found = [row for row in table["rows"] if _kind(row) == other]
        axis.plot(
            [row["other"] for row in found],
            [names.index(row["what"]) for row in found],
            linestyle="none",
            label=other,
            **_look(number, other),
        )
    own = {row["what"]: row["figure"] for row in table["rows"]}
    places = [names.index(name) for name in own]
    axis.plot(list(own.values()), places, "o", color=COLORS[0], markersize=8, label=OURS, zorder=3)
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(ticker.LogLocator(subs=(1, 3)))
    axis.xaxis.set_major_formatter("{x:,.0f}")
    axis.xaxis.set_minor_formatter("")
    axis.set_xlabel(table["unit"])
    axis.set_title(f"{table['regime']} memory, which copies {table['bandwidth_gb']:.0f} GB/s")


def _kind(row):
    """Limits differ from mixer to mixer; in a chart they are one kind."""
    return "its limit" if row["against"].startswith("limit") else row["against"]


def _look(number, other):
    if other == "its limit":
        return {"marker": "|", "color": "black", "markersize": 14, "markeredgewidth": 2}
    again, color = divmod(number, len(COLORS) - 1)
    return {
        # Where the colors begin again, each has the next one's marker: no two look alike.
        "marker": MARKERS[1 + (number + again) % (len(MARKERS) - 1)],
        "color": COLORS[1 + color],
        "fillstyle": "none",
    }
