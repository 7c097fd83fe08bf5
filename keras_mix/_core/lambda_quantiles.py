"""The table of λ on any backend: the quantiles at the centers of 2**14 equally likely intervals."""

import numpy as np

from keras_mix._core.concentration import pair

# The quantiles above the median, and those below it.
HALF = 2**13
# Functions of libraries become NaN far beyond both; here λ is its mean ± 0.00004, or 0 or 1,
# already.
_LARGEST_ALPHA = 1e8
_SMALLEST_ALPHA = 1e-300


def table(alpha, inverse):
    """float32 `(2**14,)`, the quantiles of λ ~ Beta(a, b).

    In descending order from the largest to the median, then in ascending order from the smallest,
    so that the two halves of a symmetric distribution are 1 - x and x.

    Args:
        alpha: Float ≥ 0 or a pair of floats > 0. 0 stands for λ = 1.
        inverse: Function of a, b and an array of levels: the inverse of the regularized incomplete
            beta function, in float64.
    """
    a, b = (float(each) for each in pair(alpha))
    if a == 0:
        return np.ones(2 * HALF, np.float32)
    # Scaled together, so that the mean is kept.
    most = max(a, b)
    scale = min(max(most, 1e20 * _SMALLEST_ALPHA), _LARGEST_ALPHA) / most
    a, b = (max(each * scale, _SMALLEST_ALPHA) for each in (a, b))
    below = _ascending(a, b, inverse)
    above = 1 - (below if a == b else _ascending(b, a, inverse))[::-1]
    # Each is accurate near its own end.
    quantiles = np.where(below < 0.5, below, above)
    return np.concatenate([quantiles[HALF:][::-1], quantiles[:HALF]])


def _ascending(a, b, inverse):
    """float32 `(2**14,)`, the quantiles of Beta(a, b) in ascending order."""
    levels = (np.arange(2 * HALF) + 0.5) / (2 * HALF)
    if a == b == 1.0:
        return levels.astype(np.float32)  # Beta(1, 1) is uniform
    quantiles = inverse(a, b, levels).astype(np.float32)
    # XLA flushes subnormal numbers to zero, so they are set to zero in all modes.
    return np.where(quantiles < np.finfo(np.float32).tiny, np.float32(0), quantiles)
