"""Rectangles of other samples written into copies of a batch, where arrays can be written to.

No pixel outside of the rectangles is read from a partner, and a sample is still in the cache when
its rectangles are written.
"""

import numpy as np


def places(rectangles, axes, shape):
    """The index of each rectangle in each sample: a list of tuples of slices for each sample.

    Args:
        rectangles: List of tuples of bool lines `(B or 1, size)`, one for each spatial axis; or
            None.
        axes: The spatial axes of the batch.
        shape: The shape of the batch.

    Returns:
        None if there are no rectangles, or if a line has several intervals.
    """
    if rectangles is None:
        return None
    found = []
    for lines in rectangles:
        columns = [[slice(None)] * shape[0]] * (len(shape) - 1)
        for axis, line in zip(axes, lines, strict=True):
            intervals = _intervals(line)
            if intervals is None:
                return None
            columns[axis - 1] = intervals * (shape[0] // len(intervals) if intervals else 1)
        found.append(zip(*columns, strict=True))
    return [*zip(*found, strict=True)]


def written(own, places, samples, numbers):
    """The batch, with the rectangles of other samples in it.

    Args:
        own: The batch, an array `(B, ...)`.
        places: As the function of this name returns them.
        samples: An array `(N, ...)` of the samples that are written.
        numbers: `(B,)`, which of them is written into each sample of the batch.
    """
    result = np.empty(own.shape, own.dtype)
    for image, unmixed, indices, number in zip(result, own, places, numbers, strict=True):
        image[...] = unmixed
        for index in indices:
            image[index] = samples[number][index]
    return result


def _intervals(line):
    """The True positions of each row of bool `(n, size)` as a slice; None if they are apart."""
    size, counts = line.shape[1], np.count_nonzero(line, axis=1)
    first, last = np.argmax(line, axis=1), size - np.argmax(line[:, ::-1], axis=1)
    if not np.all((last - first == counts) | (counts == 0)):
        return None
    return [slice(*ends) for ends in zip(first, first + counts, strict=True)]
