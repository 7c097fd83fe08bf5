"""Trains all seeds of a cell with one mixing of the trunk, and ends it in every way asked for.

The learning rate is constant (the trunk) and falls linearly to 0 in the last 20 % of the steps (an
end). So one trunk serves all lengths of training: at 80 % of each length its state is kept, and an
end branches off. "Off for the last 20 %" is an end without mixing on a trunk with it.
"""

import functools
import time
from typing import NamedTuple

import jax
import numpy as np
import tensorflow as tf

from tools.study import data, grid, networks
from tools.study.engine import CHUNK, RATE, Trainer, order
from tools.study.methods import MIXINGS


class Finished(NamedTuple):
    """The networks of all seeds after one length of training.

    Attributes:
        end: Key of `MIXINGS`, how the last 20 % of the steps were mixed.
        length: Key of `grid.LENGTHS`.
        weights: List of float32 arrays `(S, …)`.
        seconds: Float. The time of this training, from the first step on, for each seed.
    """

    end: str
    length: str
    weights: list
    seconds: float


def train(cell, trunk, ends):
    """Trains all seeds of a cell.

    Args:
        cell: A `tools.study.grid.Cell`.
        trunk: Key of `MIXINGS`, how all but the last 20 % of the steps are mixed.
        ends: Keys of `MIXINGS`, how those are: of mixings that wrap as the trunk's does.

    Yields:
        A `Finished` for each length and end.
    """
    seeds = tuple(seed for _, seed in cell.seeds)
    splits = [data.split(cell.data, cell.size, cell.noise, seed) for seed, _ in cell.seeds]
    steps = {length: cell.steps(length) for length in cell.lengths}
    stream = Stream(splits, max(steps.values()), seeds)
    shape, classes = splits[0].x.shape[1:], stream.classes
    shared = trainer(cell.data, cell.width, shape, classes, MIXINGS[trunk].wrap, seeds)
    states, at, seconds = shared.start, 0, 0.0
    for length, total in steps.items():
        branch = round((1 - grid.END) * total)
        constant = np.full(branch - at, RATE)
        states, spent = run(shared, states, stream, trunk, at, constant)
        at, seconds = branch, seconds + spent
        falling = RATE * (1 - (np.arange(total - branch) + 1) / (total - branch + 1))
        for end in ends:
            ended, spent = run(shared, states, stream, end, at, falling)
            weights = [np.asarray(each) for each in ended[0]]
            yield Finished(end, length, weights, (seconds + spent) / len(seeds))


def run(trainer, states, stream, mixing, start, rates):
    """Trains from step `start` on, one step for each learning rate; (states, seconds)."""
    before = time.perf_counter()
    mixed = Mixed(mixing, stream)
    # The size of calls divides all lengths: few shapes to compile, few calls.
    size = CHUNK if len(rates) % CHUNK == 0 else SMALL_CHUNK
    for first in range(0, len(rates), size):
        batch = mixed.batches(start + first, size)
        states = trainer.steps(states, *batch, rates[first : first + size])
    jax.block_until_ready(states)
    return states, time.perf_counter() - before


SMALL_CHUNK = 4


@functools.lru_cache(maxsize=8)
def trainer(name, width, shape, classes, wrap, seeds):
    """The trainer of a network; cells and methods that share it compile it once."""
    return Trainer(lambda: networks.build(name, width, shape, classes), seeds, wrap)


class Stream:
    """Training samples of all seeds in their order, one and the same for all methods."""

    def __init__(self, splits, steps, seeds):
        self.x = np.stack([split.x for split in splits])
        ids = np.stack([split.given for split in splits])
        self.classes = 1 + max(int(split.test[1].max()) for split in splits)
        self.y = np.eye(self.classes, dtype=np.float32)[ids]
        size = self.x.shape[1]
        self.order = np.stack([order(size, grid.BATCH_SIZE, steps, seed) for seed in seeds])
        self.seeds = seeds

    def batches(self, start, steps):
        """Samples `(S, steps, B, …)` and labels `(S, steps, B, K)`."""
        indices = self.order[:, start : start + steps]
        seeds = np.arange(len(indices))[:, None, None]
        return self.x[seeds, indices], self.y[seeds, indices]


class Mixed:
    """A stream whose samples or labels are mixed as one of `MIXINGS` says.

    A mixer mixes all batches of a call in one, so partners come from all of them. The draws depend
    on the seed and the step alone.
    """

    def __init__(self, name, stream):
        self.stream = stream
        how = MIXINGS[name]
        self.smoothing = how.smoothing
        self.mixer = how.mixer and _compiled(name)

    def batches(self, start, steps):
        """As `Stream.batches`."""
        x, y = self.stream.batches(start, steps)
        if self.smoothing:
            y = y * (1 - self.smoothing) + self.smoothing / y.shape[-1]
        if self.mixer is None:
            return x, y
        flat_x, flat_y = (each.reshape(len(x), -1, *each.shape[3:]) for each in (x, y))
        pairs = [
            self.mixer(flat_x[row], flat_y[row], np.int32([seed, start]))
            for row, seed in enumerate(self.stream.seeds)
        ]
        mixed_x, mixed_y = (
            np.stack([each.numpy() for each in part]) for part in zip(*pairs, strict=True)
        )
        return mixed_x.reshape(x.shape), mixed_y.reshape(y.shape)


@functools.cache
def _compiled(name):
    """A mixer as one graph."""
    layer = MIXINGS[name].mixer()
    return tf.function(lambda x, y, seed: layer(x, y, seed=seed, training=True))
