"""Masks of random boxes of one area, on any backend."""

from keras import ops

from keras_mix._core.draw import random


def draw(seed, count, sizes, area):
    """bool `(count, H, W)`, True inside a box of about a given area and of a random shape.

    The height is the fraction area^u of H for a uniform u, the width the fraction area^(1 - u) of
    W, both rounded. The box lies within the grid; its corner is the rounded product of the room
    that is left and a uniform number.

    Args:
        seed: As `random.begin` or `random.split` gives it.
        count: The number of boxes.
        sizes: Pair of ints (H, W).
        area: Float in (0, 1], the fraction of the grid.
    """
    shape, *places = random.split(seed, 3)
    rows = ops.power(area, random.uniform(shape, [count]))
    inside = []
    for size, fraction, place in zip(sizes, (rows, area / rows), places, strict=True):
        length = ops.round(fraction * size)
        first = ops.round((size - length) * random.uniform(place, [count]))
        index = ops.arange(size, dtype="float32")[None]
        inside.append((index >= first[:, None]) & (index < (first + length)[:, None]))
    return inside[0][:, :, None] & inside[1][:, None, :]
