"""Checks that the models which mix in the train step train on several devices.

    python tools/train_distributed.py                 # all checks; some two minutes
    python tools/train_distributed.py mirrored plans  # some

On TensorFlow two logical CPU devices stand for two accelerators, and two processes for two
machines; on JAX four host devices for four. Prints a line for each thing checked, and exits with
1 if one fails. Each check runs in a process of its own, for devices are set up once in each.

Where Keras itself fails, lines that begin with "plain Keras" tell so, by a model without mixing:

- `fit` under `MirroredStrategy` with `jit_compile=True`: the step that XLA compiles reaches for
  the variables of another replica's device. So the checks compile with `jit_compile=False`.
- `fit` under `MultiWorkerMirroredStrategy`. So that check runs `train_step` in a loop of its own.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

CLASSES = 4
REPLICAS = 2
# Of one replica.
BATCH = 8
STEPS = 6
ROOT = Path(__file__).resolve().parents[1]
# Four devices, and code that is compiled fast.
XLA_FLAGS = "--xla_force_host_platform_device_count=4 --xla_backend_optimization_level=0"


class Failure(Exception):
    """A check that does not hold."""


def tell(line):
    """Print by one write: two processes may do so at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def check(holds, what):
    """Say what holds, or fail."""
    if not holds:
        raise Failure(what)
    tell(f"ok: {what}")


def data():
    """Points around one corner for each class; a label tells the corner."""
    noise, ids = np.random.default_rng(0), np.arange(REPLICAS * BATCH * STEPS) % CLASSES
    points = np.eye(CLASSES)[ids] + 0.1 * noise.standard_normal((len(ids), CLASSES))
    return points.astype("float32"), ids.astype("int32")


def base_model(*between):
    """A small classifier: layers in between, and a hidden one to mix at."""
    import keras

    keras.utils.set_random_seed(7)
    return keras.Sequential(
        [
            keras.Input((CLASSES,)),
            keras.layers.Dense(16, activation="relu", name="hidden"),
            *between,
            keras.layers.Dense(CLASSES, activation="softmax"),
        ]
    )


def compiled(model, rate=0.1, **options):
    """The model, ready to train by plain gradient descent."""
    import keras

    model.compile(keras.optimizers.SGD(rate), "sparse_categorical_crossentropy", **options)
    return model


def says(error):
    """The kind of an error and its longest line, in which TensorFlow tells the cause."""
    return f"{type(error).__name__}: {max(str(error).splitlines(), key=len)[:200]}"


def tell_of_plain_keras(what, function):
    """Whether Keras itself, without mixing, can do it; either is fine."""
    try:
        function()
    except Exception as error:
        tell(f"plain Keras: {what} fails with {says(error)}")
    else:
        tell(f"plain Keras: {what} works")


def two_devices():
    """A MirroredStrategy over two logical CPU devices."""
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * REPLICAS
    )
    return tf.distribute.MirroredStrategy([f"CPU:{index}" for index in range(REPLICAS)])


def fit(model, epochs=8):
    """The losses of the epochs of `fit`, and whether they are finite and falling."""
    x, y = data()
    losses = model.fit(x, y, batch_size=REPLICAS * BATCH, epochs=epochs, verbose=0).history["loss"]
    return losses, bool(np.isfinite(losses).all() and losses[-1] < 0.9 * losses[0])


def check_fit(strategy, wrapper, name, *between):
    """`fit` of a wrapper under a strategy; its base has what the functions `between` make."""
    with strategy.scope():
        base = base_model(*(make() for make in between))
        model = compiled(wrapper(base, alpha=0.2, seed=3), jit_compile=False)
    losses, learns = fit(model)
    check(learns, f"{wrapper.__name__} {name}: loss {losses[0]:.3f} to {losses[-1]:.3f}")
    hooked = [layer.name for layer in base.layers if "call" in layer.__dict__]
    check(not hooked, f"{wrapper.__name__} {name}: the base's layers are as they were")


def mirrored():
    """`fit` under MirroredStrategy."""
    from keras_mix.models import ManifoldMixup, MixingModel

    strategy = two_devices()
    with strategy.scope():
        plain = compiled(base_model(), jit_compile=True)
    tell_of_plain_keras("MirroredStrategy, fit, jit_compile=True", lambda: fit(plain, epochs=1))
    for wrapper in (MixingModel, ManifoldMixup):
        check_fit(strategy, wrapper, "under MirroredStrategy")


def synchronized():
    """Synchronized batch normalization: replicas take turns while they are traced."""
    import keras

    from keras_mix.models import ManifoldMixup

    check_fit(
        two_devices(),
        ManifoldMixup,
        "with synchronized batch normalization",
        lambda: keras.layers.BatchNormalization(synchronized=True),
    )


def plans():
    """Each replica draws its own plan, and mixes what it holds."""
    import keras
    import tensorflow as tf

    from keras_mix.models import MixingModel

    seen = {0: [], 1: []}

    def note(replica, mixed):
        seen[int(replica)].append(mixed)
        return mixed

    class Recorder(keras.layers.Layer):
        """Notes what a replica sees of the mixed inputs."""

        def call(self, inputs):
            context = tf.distribute.get_replica_context()
            if context is None:
                return inputs  # Keras builds the model outside of the replicas
            replica = context.replica_id_in_sync_group
            noted = tf.numpy_function(note, [replica, inputs], "float32")
            return tf.ensure_shape(noted, inputs.shape)

        def compute_output_shape(self, shape):
            return shape

    size = REPLICAS * BATCH
    strategy = two_devices()
    with strategy.scope():
        base = keras.Sequential([keras.Input((size,)), Recorder()])
        base.add(keras.layers.Dense(size, activation="softmax"))
        model = compiled(MixingModel(base, alpha=1.0, pairing="derange"), jit_compile=False)
    # Rows of the identity matrix: what a sample holds after mixing are its sources' weights.
    x = np.tile(np.eye(size, dtype="float32"), (STEPS, 1))
    model.fit(x, np.tile(np.arange(size), STEPS), batch_size=size, shuffle=False, verbose=0)
    # [replica, step, sample, source]
    drawn = np.stack([seen[replica] for replica in range(REPLICAS)])
    halves = [drawn[0, :, :, :BATCH], drawn[1, :, :, BATCH:]]
    check(
        all(np.allclose(half.sum(axis=-1), 1, atol=1e-6) for half in halves),
        "a replica mixes samples of its own only",
    )
    own = [np.diagonal(half, axis1=1, axis2=2) for half in halves]
    check(
        min(np.abs(own[0] - own[1]).max(axis=1)) > 0.01,
        "the replicas' weights differ at every step",
    )
    check(
        min(np.abs(np.diff(weights, axis=0)).max() for weights in own) > 0.01,
        "the weights differ from step to step",
    )
    others = [np.argmax(half * (1 - np.eye(BATCH)), axis=-1) for half in halves]
    check((others[0] != others[1]).any(axis=1).all(), "the replicas' partners differ")


def fixed_lambda(base):
    """A mixing model of which λ is one half, whatever is drawn, and the pairs are known."""
    from keras_mix.models import MixingModel

    model = MixingModel(base, layers=["hidden"], alpha=1.0, per="batch", pairing="roll")
    quantiles = model.dials.concentration.quantiles
    quantiles.assign(np.full(quantiles.shape, 0.5))
    return model


def expected_step(base, halves):
    """The loss of the halves, each mixed by itself, and its gradients, on one device."""
    import keras
    import tensorflow as tf

    losses = []
    with tf.GradientTape() as tape:
        for x, y in halves:
            hidden = base.get_layer("hidden")(x)
            predicted = base.layers[-1]((hidden + tf.roll(hidden, -1, 0)) / 2)
            terms = [
                keras.losses.sparse_categorical_crossentropy(labels, predicted)
                for labels in (y, np.roll(y, -1))
            ]
            losses.append(tf.reduce_mean(sum(terms)) / 2)
        loss = sum(losses) / len(losses)
    return float(loss), tape.gradient(loss, [v.value for v in base.trainable_variables])


def gradients():
    """Under a known plan a step of two replicas is that of one device that has both halves."""
    x, y = (part[: REPLICAS * BATCH] for part in data())
    strategy = two_devices()
    halves = list(zip(np.split(x, REPLICAS), np.split(y, REPLICAS), strict=True))
    loss, slopes = expected_step(base_model(), halves)
    before = base_model().get_weights()
    with strategy.scope():
        model = compiled(fixed_lambda(base_model()), rate=1.0, jit_compile=False)
    history = model.fit(x, y, batch_size=len(x), shuffle=False, verbose=0).history
    reported = history["loss"][0]
    check(np.isclose(reported, loss, rtol=1e-5), f"global loss {reported:.6f}, expected {loss:.6f}")
    errors = [
        np.abs((old - new) - slope).max()
        for old, new, slope in zip(before, model.base.get_weights(), slopes, strict=True)
    ]
    check(max(errors) < 1e-6, f"gradients differ from one device's by {max(errors):.1e} at most")


def multi_worker():
    """Two processes under MultiWorkerMirroredStrategy."""
    ports = free_ports(REPLICAS)
    cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{index}.npz" for index in range(REPLICAS)]
        workers = []
        for index, file in enumerate(files):
            task = {"cluster": cluster, "task": {"type": "worker", "index": index}}
            environment = {**os.environ, "TF_CONFIG": json.dumps(task)}
            command = [sys.executable, __file__, "--worker", str(file)]
            workers.append(subprocess.Popen(command, env=environment))
        codes = [worker.wait() for worker in workers]
        check(codes == [0] * REPLICAS, "both processes end well")
        first, second = (np.load(file) for file in files)
        check(np.array_equal(first["losses"], second["losses"]), "they report the same losses")
        check(np.array_equal(first["weights"], second["weights"]), "they have the same weights")
        check(not np.array_equal(first["mixed"], second["mixed"]), "they draw different plans")


def free_ports(count):
    """Ports of this host that nothing listens to."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def worker(file):
    """One of the processes of `multi_worker`; leaves what it saw in a file."""
    import tensorflow as tf

    from keras_mix.models import MixingModel

    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    index = strategy.cluster_resolver.task_id
    with strategy.scope():
        model = compiled(MixingModel(base_model(), alpha=1.0, seed=3), jit_compile=False)
        model.build((None, CLASSES))
        model.optimizer.build(model.trainable_variables)
        plain = compiled(base_model(), jit_compile=False)
    batches = tf.data.Dataset.from_tensor_slices(data()).batch(REPLICAS * BATCH).repeat()
    batches = iter(strategy.experimental_distribute_dataset(batches))

    @tf.function
    def step(batch):
        logs = strategy.run(model.train_step, args=(batch,))
        return strategy.reduce("MEAN", logs["loss"], axis=None)

    @tf.function
    def seen(inputs):
        return strategy.run(lambda: model(inputs, training=True))

    losses = []
    for _ in range(8):
        model.reset_metrics()
        losses.append(float(np.mean([step(next(batches)) for _ in range(STEPS)])))
    learns = bool(np.isfinite(losses).all() and losses[-1] < 0.9 * losses[0])
    check(learns, f"process {index}: loss {losses[0]:.3f} to {losses[-1]:.3f}")
    mixed = seen(data()[0][:BATCH]).numpy()
    weights = np.concatenate([value.ravel() for value in model.base.get_weights()])
    np.savez(file, losses=losses, weights=weights, mixed=mixed)
    tell_of_plain_keras("MultiWorkerMirroredStrategy, fit", lambda: fit(plain, epochs=1))


def data_parallel():
    """JAX: a batch over four devices is drawn, mixed and trained on as on one."""
    import jax
    import keras

    from keras_mix.models import ManifoldMixup, MixingModel

    check(len(jax.devices()) == 4, "JAX has four devices")
    for wrapper in (MixingModel, ManifoldMixup):
        results = []
        for distribution in (keras.distribution.DataParallel(), None):
            keras.distribution.set_distribution(distribution)
            model = compiled(wrapper(base_model(), alpha=0.5, seed=3))
            losses, learns = fit(model)
            results.append((losses, model.base.get_weights()))
            count = len(model.trainable_variables[0].value.sharding.device_set)
            where = f"{wrapper.__name__} on {count} of the devices"
            check(count == (4 if distribution else 1), where)
            check(learns, f"{where}: loss {losses[0]:.5f} to {losses[-1]:.5f}")
        (many, trained), (one, expected) = results
        check(np.allclose(many, one, rtol=1e-5), f"{wrapper.__name__}: the losses are equal")
        same = [np.allclose(a, b, atol=1e-5) for a, b in zip(trained, expected, strict=True)]
        check(all(same), f"{wrapper.__name__}: the weights are equal")


CHECKS = {
    "mirrored": mirrored,
    "synchronized": synchronized,
    "plans": plans,
    "gradients": gradients,
    "multi-worker": multi_worker,
    "data-parallel": data_parallel,
}


def environment_of(name):
    """What the process of a check needs."""
    changed = {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    if name == "data-parallel":
        flags = f"{os.environ.get('XLA_FLAGS', '')} {XLA_FLAGS}"
        changed |= {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags}
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    # No accelerator: the devices are those of the CPU.
    return {**os.environ, **changed, "PYTHONPATH": path, "CUDA_VISIBLE_DEVICES": "-1"}


def run(name):
    """Run a check in a process of its own; whether it holds."""
    tell(f"# {name}")
    command = [sys.executable, __file__, "--here", name]
    return subprocess.run(command, env=environment_of(name)).returncode == 0


def main():
    """Run the checks that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="check", help=f"of {', '.join(CHECKS)}")
    parser.add_argument("--here", choices=CHECKS, help=argparse.SUPPRESS)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    unknown = set(options.names) - set(CHECKS)
    if unknown:
        parser.error(f"no such check: {', '.join(sorted(unknown))}")
    try:
        if options.worker:
            worker(options.worker)
        elif options.here:
            CHECKS[options.here]()
        else:
            failed = [name for name in options.names or CHECKS if not run(name)]
            sys.exit(f"failed: {', '.join(failed)}" if failed else 0)
    except Failure as failure:
        sys.exit(f"FAILED: {failure}")


if __name__ == "__main__":
    main()
