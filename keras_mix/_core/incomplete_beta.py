"""The regularized incomplete beta function and its inverse, in numpy alone.

Where TensorFlow Probability is not loaded: on other backends its import alone would cost 480 MiB
and two seconds, since each of its substrates but JAX's imports TensorFlow.

Let u = log x. Then I_x(a, b) is the integral of x^a (1 - x)^(b - 1) over u, divided by the
integral over all u. Up to x = 1/2 this integrand is smooth: there Gaussian quadrature over a few
hundred intervals is exact to rounding, for any a and b. The other half is the same with a and b
exchanged, and the sum of both is the divisor, so that no gamma function is needed.
"""

import math

import numpy as np

_INTERVALS = 400
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)
# Integrands so many times below their maximum, in logarithms, are left out.
_NEGLIGIBLE = 60.0
# Newton's method squares the error of each step; it begins with less than the half of an interval.
_STEPS = 6


def inverse(a, b, levels):
    """The x of which I_x(a, b) equals each level, to a relative error of about 1e-12.

    Args:
        a: Float > 0.
        b: Float > 0.
        levels: float64 array `(N,)`, each in (0, 1).

    Returns:
        float64 array `(N,)`.
    """
    small, large = _Half(a, b), _Half(b, a)
    unit = max(small.log_maximum, large.log_maximum)
    masses = [half.masses(unit) for half in (small, large)]
    total = masses[0][-1] + masses[1][-1]
    sought = levels * total
    x = np.empty_like(levels)
    is_small = sought <= masses[0][-1]
    x[is_small] = small.inverse(sought[is_small], masses[0], unit)
    sought = (1.0 - levels[~is_small]) * total
    x[~is_small] = 1.0 - large.inverse(sought, masses[1], unit)
    return x


def distribution(a, b, x):
    """I_x(a, b), to a relative error of about 1e-12.

    Args:
        a: Float > 0.
        b: Float > 0.
        x: float64 array `(N,)`, each in [0, 1].

    Returns:
        float64 array `(N,)`.
    """
    small, large = _Half(a, b), _Half(b, a)
    unit = max(small.log_maximum, large.log_maximum)
    masses = [half.masses(unit) for half in (small, large)]
    total = masses[0][-1] + masses[1][-1]
    values = np.empty_like(x)
    is_small = x <= 0.5
    values[is_small] = small.mass(x[is_small], masses[0], unit) / total
    values[~is_small] = 1.0 - large.mass(1.0 - x[~is_small], masses[1], unit) / total
    return values


class _Half:
    """The integral of x^a (1 - x)^(b - 1) over u = log x, from -∞ to log 1/2.

    Attributes:
        log_maximum: The largest logarithm of the integrand.
    """

    def __init__(self, a, b):
        self.a, self.b = a, b
        end = -math.log(2.0)
        mode = min(math.log(a) - math.log(a + b - 1.0), end) if b > 1.0 else end
        self.log_maximum = self._log(mode)
        # Below the first bound (1 - x)^(b - 1) is 1 to rounding, so that the integral is e^(a u)/a.
        bounds = -39.0 - math.log(max(b, 1.0)), end
        low, high = (self._negligible(mode, bound) for bound in bounds)
        self.edges = np.linspace(low, high, _INTERVALS + 1)
        self.is_cut = low > bounds[0]

    def _log(self, u):
        return self.a * u + (self.b - 1.0) * np.log1p(-np.exp(u))

    def _negligible(self, mode, bound):
        """Where the integrand is negligible, on the side of the mode that a bound limits."""
        distance = 1e-12
        while distance < abs(bound - mode):
            u = mode + math.copysign(distance, bound - mode)
            if self._log(u) < self.log_maximum - _NEGLIGIBLE:
                return u
            distance *= 2.0
        return bound

    def _integrals(self, low, high, unit):
        middle, radius = (low + high) / 2.0, (high - low) / 2.0
        heights = np.exp(self._log(middle[:, None] + radius[:, None] * _NODES) - unit)
        return radius * (heights @ _WEIGHTS)

    def masses(self, unit):
        """The integral up to each edge, divided by e^unit."""
        below = 0.0 if self.is_cut else math.exp(self.a * self.edges[0] - unit) / self.a
        return below + np.concatenate(
            [[0.0], np.cumsum(self._integrals(self.edges[:-1], self.edges[1:], unit))]
        )

    def mass(self, x, masses, unit):
        """The integral up to each x, divided by e^unit."""
        with np.errstate(divide="ignore"):
            u = np.log(x)
        index = np.clip(np.searchsorted(self.edges, u) - 1, 0, _INTERVALS - 1)
        edge = self.edges[index]
        inside = masses[index] + self._integrals(edge, np.maximum(u, edge), unit)
        # Below the first edge the integrand is e^(a u), or negligible.
        below = 0.0 if self.is_cut else np.exp(self.a * u - unit) / self.a
        return np.where(u < self.edges[0], below, inside)

    def inverse(self, sought, masses, unit):
        """The x up to which the integral, divided by e^unit, is as large as sought."""
        with np.errstate(divide="ignore"):
            # Where it is that of e^(a u).
            tail = (np.log(sought * self.a) + unit) / self.a
        index = np.clip(np.searchsorted(masses, sought) - 1, 0, _INTERVALS - 1)
        low, high = self.edges[index], self.edges[index + 1]
        u = (low + high) / 2.0
        for _ in range(_STEPS):
            missing = sought - masses[index] - self._integrals(low, u, unit)
            with np.errstate(divide="ignore", invalid="ignore"):
                u = np.clip(np.nan_to_num(u + missing / np.exp(self._log(u) - unit)), low, high)
        return np.exp(np.where(sought < masses[0], tail, u))
