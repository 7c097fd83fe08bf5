"""The decisions as one chart: what each choice changes, with its interval."""

from matplotlib import pyplot as plt

from tools.static_pages import COLORS, STYLE

# Differences of likelihoods, whose scale is another, stand in the table alone.
OTHER_SCALE = "NLL"


def draw(decided, path):
    """Writes the chart as SVG.

    Args:
        decided: List of dicts, the decisions with their intervals.
        path: `pathlib.Path`.
    """
    rows = list(_rows(decided))
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(10, 0.23 * len(rows) + 0.8))
        for place, (_, found) in enumerate(rows):
            if found is not None:
                color = _color(found)
                axes.plot([found["low"], found["high"]], [place, place], color=color, linewidth=2)
                axes.plot(found["mean"], place, "o", color=color, markersize=5)
        axes.axvline(0, color="#666666", linewidth=1)
        axes.set_yticks(range(len(rows)), [text for text, _ in rows])
        for label, (_, found) in zip(axes.get_yticklabels(), rows, strict=True):
            label.set_fontweight("normal" if found else "bold")
        axes.set_ylim(len(rows) - 0.4, -0.8)
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("difference to no mixing (fractions of 1), with its 95 % interval")
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, bbox_inches="tight", metadata={"Date": None})
        plt.close(figure)


def _color(found):
    """Blue above 0, orange below it, gray where the interval holds 0."""
    if found["low"] <= 0 <= found["high"]:
        return "0.5"
    return COLORS[0] if found["mean"] > 0 else COLORS[1]


def _rows(decided):
    """(text, interval) from top to bottom; headings have no interval."""
    for decision in decided:
        evidence = [each for each in decision["evidence"] if OTHER_SCALE not in each["text"]]
        if evidence:
            yield decision["situation"], None
        for each in evidence:
            yield each["text"], each
