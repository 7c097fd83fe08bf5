"""A color for each class."""

import colorsys

# Okabe and Ito's palette, for color-blind readers too, without black and its yellow.
_FIRST = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9")
_GOLDEN = 0.618033988749895


def of_class(class_id):
    """The color of a class as `#rrggbb`; neighboring classes differ."""
    if class_id < len(_FIRST):
        return _FIRST[class_id]
    hue = class_id * _GOLDEN % 1.0
    light = (0.4, 0.6)[class_id % 2]
    return "#" + "".join(
        f"{round(255 * part):02x}" for part in colorsys.hls_to_rgb(hue, light, 0.6)
    )


def rgb_of_class(class_id):
    """The color of a class as three integers."""
    return tuple(bytes.fromhex(of_class(class_id)[1:]))
