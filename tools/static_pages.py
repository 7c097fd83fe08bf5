"""What the pages of the tools share: their template, and the look of their charts as SVG."""

from pathlib import Path

import jinja2
import matplotlib

matplotlib.use("svg")

# Okabe and Ito's palette, whose colors color-blind readers tell apart.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = "osD^vPX"
STYLE = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "legend.frameon": False,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "keras_mix",  # the same file from the same numbers
}


def environment(folder):
    """Returns the environment of the templates in a folder, which extend static_page.html."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader([folder, Path(__file__).parent]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
