"""One panel of a picture, and the label below it."""

from typing import NamedTuple

import numpy as np


class Panel(NamedTuple):
    """uint8 pixels (H, W, 3 or 4), the text above them and the text below them."""

    pixels: np.ndarray
    title: str
    caption: str = ""


def label(weights, names):
    """Returns mixing weights as text: "pagoda 0.62, flower 0.38"."""
    weights = np.asarray(weights)
    order = [k for k in np.argsort(-weights, kind="stable") if weights[k] > 0.005]
    return ", ".join(f"{names[k]} {weights[k]:.2f}" for k in order)
