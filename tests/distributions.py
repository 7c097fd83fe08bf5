"""Draws by the thousands, and how far they may be from their distribution."""

import numpy as np
import tensorflow as tf

DRAWS = 100_000
# Concentrations: of Beta(α, α), of Beta(a, b), and of Dirichlet(a, b, …, b), with the sources.
ALPHAS = [0.01, 0.1, 0.2, 1.0, 8.0]
PAIRS = [(0.2, 0.5), (2.0, 5.0), (5.0, 1.0), (0.01, 3.0)]
SEVERAL = [(0.2, 3), (1.0, 3), (4.0, 5), ((2.0, 0.5), 4)]
SEEDS = [(0, 0), (1, 9), (-1, 7), (3, -5), (-(2**31), 2**31 - 1)]
UNLIKELY = 1e-4  # Seeds are fixed, so a test below this stays red and is no bad luck.
STANDARD_ERRORS = 4.5


def seed_of(*seed):
    return tf.constant(seed, tf.int32)


def for_seeds(draw, count):
    """What `draw` gives for each of `count` seeds."""
    seeds = tf.stack([tf.range(count), 7 * tf.range(count) - count], axis=1)
    signature = tf.TensorSpec(draw(seeds[0]).shape, draw(seeds[0]).dtype)
    return tf.function(lambda: tf.map_fn(draw, seeds, fn_output_signature=signature))().numpy()


def is_near(found, expected, count):
    """Whether a proportion among `count` draws is near its probability."""
    error = np.sqrt(expected * (1 - expected) / count)
    return abs(found - expected) <= STANDARD_ERRORS * error + 1e-9
