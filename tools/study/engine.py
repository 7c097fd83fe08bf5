"""Trains one network from many seeds at once, on one core.

Keras's train step on JAX is a function of the values of all variables, so the values of differently
seeded networks are stacked, and one compiled call trains all of them for many steps: 10 to 50 times
as fast as `fit` for each, whose steps spend most of their time outside the network. Each network
takes exactly the steps that `fit` would take.
"""

import functools

import jax
import keras
import numpy as np
from jax import numpy as jnp

CHUNK = 20  # steps of one compiled call, where their number allows
RATE = 3e-3  # of Adam


class Trainer:
    """A network, or what wraps it, and the compiled functions of its stacked values.

    Args:
        build: Callable of no arguments that returns a network from `(B, …)` to logits `(B, K)`.
        wrap: Callable of the network that returns the model to train. Defaults to None.
        seeds: Integers, the seeds of initial weights and draws.

    Attributes:
        start: The values of all variables before training, stacked along a first axis of S seeds.
    """

    def __init__(self, build, seeds, wrap=None):
        states = []
        for seed in seeds:
            # The wrapper comes after the network: with and without it the weights are the same.
            keras.utils.set_random_seed(seed)
            network = build()
            self.model = network if wrap is None else wrap(network)
            self.model.compile(
                keras.optimizers.Adam(RATE),
                keras.losses.CategoricalCrossentropy(from_logits=True),
            )
            self.model.optimizer.build(self.model.trainable_variables)
            self._fill_metrics(network)
            states.append(self._values())
        self.start = jax.tree.map(lambda *values: jnp.stack(values), *states)
        self._rate = [
            variable.path.endswith("learning_rate") for variable in self.model.optimizer.variables
        ].index(True)
        self._steps = jax.jit(lambda states, *data: jax.lax.map(self._scan, (states, *data)))

    def steps(self, states, x, y, rates):
        """Trains all seeds for `CHUNK` steps.

        Args:
            states: As `start`.
            x: Array `(S, CHUNK, B, …)`.
            y: Array `(S, CHUNK, B, K)`.
            rates: Array `(CHUNK,)`, learning rates.

        Returns:
            The new states.
        """
        rates = np.broadcast_to(np.float32(rates), (len(x), len(rates)))
        return self._steps(states, x, y, rates)

    def _scan(self, states_and_data):
        states, *data = states_and_data
        return jax.lax.scan(self._step, states, data)[0]

    def _step(self, state, data):
        x, y, rate = data
        trainable, others, optimizer, metrics = state
        optimizer = [
            rate if index == self._rate else value for index, value in enumerate(optimizer)
        ]
        _, state = self.model.train_step((trainable, others, optimizer, metrics), (x, y))
        return tuple(map(list, state)), None

    def _fill_metrics(self, network):
        """Makes the metrics' variables, which Keras makes in the first step."""
        x = np.zeros((2, *network.input_shape[1:]), np.float32)
        y = np.zeros((2, network.output_shape[-1]), np.float32)
        self.model._symbolic_build(data_batch=(x, y))

    def _variables(self):
        model = self.model
        return (
            model.trainable_variables,
            model.non_trainable_variables,
            model.optimizer.variables,
            model.metrics_variables,
        )

    def _values(self):
        return tuple([variable.value for variable in part] for part in self._variables())


class Networks(keras.Model):
    """Several trainings of one network as one model, for all attacks and predictions in one call.

    A batch holds equally many samples for each of them, one after the other.

    Args:
        network: A built `keras.Model` without variables that are not trained.
        weights: List of arrays `(S, …)`, those of its variables.
    """

    def __init__(self, network, weights):
        super().__init__()
        self.network = network
        self.count = len(weights[0])
        # Variables, so that compiled functions take them as arguments.
        self.stacked = [
            self.add_weight(shape=values.shape, initializer="zeros") for values in weights
        ]
        for variable, values in zip(self.stacked, weights, strict=True):
            variable.assign(values)
        self.built = True

    def call(self, x, training=False):
        # A single sample, with which callers ask for the number of outputs, goes to the first.
        count = self.count if len(x) % self.count == 0 else 1
        weights = [variable.value[:count] for variable in self.stacked]
        x = keras.ops.reshape(x, (count, -1, *x.shape[1:]))
        outputs = _mapped(self.network)(weights, x)
        return keras.ops.reshape(outputs, (-1, outputs.shape[-1]))

    def logits(self, x):
        """float32 `(S, N, K)` for samples `(S, N, …)`."""
        outputs = self.call(np.reshape(x, (-1, *x.shape[2:])))
        return np.asarray(outputs).reshape(*x.shape[:2], -1)


@functools.lru_cache(maxsize=8)
def _mapped(network):
    """A compiled function of stacked weights and samples."""

    def outputs(weights_and_x):
        weights, x = weights_and_x
        return network.stateless_call(weights, [], x, training=False)[0]

    return jax.jit(lambda weights, x: jax.lax.map(outputs, (weights, x)))


def order(size, batch_size, steps, seed):
    """int `(steps, B)`: samples in the order of training, permuted anew in each epoch."""
    rng = np.random.default_rng([seed, 15])
    epochs = -(-steps * batch_size // size)
    indices = np.concatenate([rng.permutation(size) for _ in range(epochs)])
    return indices[: steps * batch_size].reshape(steps, batch_size)


def keep_compiled(folder):
    """Lets JAX find on disk what it has compiled: each attack compiles the same functions anew."""
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
