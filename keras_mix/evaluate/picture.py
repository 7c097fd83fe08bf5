"""Figures as PNG."""

import io
import warnings


def png(figure):
    """Returns a `matplotlib.figure.Figure` as the bytes of a PNG.

    Characters that matplotlib's font lacks, such as Chinese ones, appear as boxes.
    """
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        figure.savefig(buffer, format="png")
    return buffer.getvalue()
