"""The balls in which an attack stays: of the maximum norm and of the Euclidean norm."""

import numpy as np


class Linf:
    """The perturbations none of whose components exceeds the radius."""

    def direction(self, gradient):
        """The step of length 1 that raises the loss most."""
        return np.sign(gradient)

    def project(self, perturbation, radius):
        """The nearest perturbation in the ball."""
        return np.clip(perturbation, -radius, radius)

    def draw(self, generators, shape, radius):
        """Perturbations uniform in the ball."""
        return generators[0].uniform(-radius, radius, shape)


class L2:
    """The perturbations whose Euclidean norm, over a whole sample, does not exceed the radius."""

    def direction(self, gradient):
        """The step of length 1 that raises the loss most; 0 where the gradient is 0."""
        gradient = gradient.astype(np.float64)
        # First by the largest component: squares of small gradients are zero.
        gradient = gradient / _positive(np.abs(gradient).max(axis=_inner(gradient), keepdims=True))
        return gradient / _positive(_norm(gradient))

    def project(self, perturbation, radius):
        """The nearest perturbation in the ball."""
        perturbation = perturbation.astype(np.float64)
        return perturbation * np.minimum(1.0, radius / _positive(_norm(perturbation)))

    def draw(self, generators, shape, radius):
        """Perturbations uniform in the ball."""
        # Two generators, so that the draws do not depend on the sizes of batches.
        length = generators[0].random((shape[0],) + (1,) * (len(shape) - 1))
        direction = self.direction(generators[1].standard_normal(shape))
        return radius * length ** (1.0 / np.prod(shape[1:])) * direction


def _norm(values):
    return np.sqrt(np.sum(values**2, axis=_inner(values), keepdims=True))


def _inner(values):
    return tuple(range(1, values.ndim))


def _positive(values):
    return np.where(values > 0, values, 1.0)


BALLS = {"inf": Linf(), np.inf: Linf(), 2: L2()}
