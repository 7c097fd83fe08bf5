"""The rows that a result is made of."""

import math

from keras_mix._core.backend import xp


def by_quadrants(pool, sources, axes, quadrants):
    """Takes each position from its source, and reads the rows of a source where they show.

    Args:
        pool: The samples, `(N, ..., *spatial, ...)`.
        sources: int32 `(B, S)`, indices into the pool, B being N.
        axes: The two spatial axes of the pool.
        quadrants: `regions.Quadrants`, the source of each position.

    Returns:
        A tensor of the shape of the pool.
    """
    left, right = (
        _rows(pool, sources, axes, numbers, quadrants.rows)
        for numbers in zip(*quadrants.numbers, strict=True)
    )
    inside = xp.reshape(quadrants.columns, _broadcast(pool, axes[1], quadrants.columns))
    return xp.select(inside, right, left)


def _rows(pool, sources, axes, numbers, inside):
    """The pool's samples, each row from source `numbers[inside]`, which are whole samples."""
    outer, inner = numbers
    if outer == inner:
        return pool if outer == 0 else xp.gather(pool, sources[:, outer])
    size, *before, height = xp.unstack(xp.shape(pool)[: axes[0] + 1])
    source = xp.where(inside, sources[:, inner, None], sources[:, outer, None])
    images = math.prod(before)
    image = source[:, None] * images + xp.range(images)[:, None]  # (B, images, H)
    row = image * height + xp.range(height)
    rows = xp.reshape(pool, xp.concat([[size * images * height], xp.shape(pool)[axes[1] :]], 0))
    return xp.reshape(xp.gather(rows, row), xp.shape(pool))


def _broadcast(tensor, axis, line):
    """The shape in which a line `(B or 1, size)` broadcasts along an axis of a tensor."""
    shape = [1] * len(tensor.shape)
    shape[0], shape[axis] = xp.unstack(xp.shape(line))
    return shape
