"""Checks under MirroredStrategy, over two logical CPU devices."""

import functools

import numpy as np

from distributed.common import (
    BATCH,
    REPLICAS,
    STEPS,
    base_model,
    check,
    compiled,
    data,
    fit,
    tell_of_plain_keras,
)


@functools.cache
def two_devices():
    """A MirroredStrategy over two logical CPU devices, which can be set up once."""
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * REPLICAS
    )
    return tf.distribute.MirroredStrategy([f"CPU:{index}" for index in range(REPLICAS)])


def check_fit(strategy, wrapper, name, *between):
    """`fit` of a wrapper under a strategy; its base has what the functions `between` make."""
    with strategy.scope():
        base = base_model(*(make() for make in between))
        model = compiled(wrapper(base, alpha=0.2, seed=3), jit_compile=False)
    losses, learns = fit(model)
    check(learns, f"{wrapper.__name__} {name}: loss {losses[0]:.3f} to {losses[-1]:.3f}")
    hooked = [layer.name for layer in base.layers if "call" in layer.__dict__]
    check(not hooked, f"{wrapper.__name__} {name}: the base's layers are unchanged")


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
        """Records the mixed inputs of a replica."""

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
    """A mixing model of known pairs, and the callback by which λ = ½ in every draw of a fit."""
    import keras

    from keras_mix.models import MixingModel

    def halve(logs):
        # Not before: `fit` begins with the quantiles of the model's α.
        quantiles.assign(np.full(quantiles.shape, 0.5))

    model = MixingModel(base, mix_at=["hidden"], alpha=1.0, per="batch", pairing="roll")
    quantiles = model.dials.concentration.quantiles
    return model, keras.callbacks.LambdaCallback(on_train_begin=halve)


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
        model, halved = fixed_lambda(base_model())
        model = compiled(model, rate=1.0, jit_compile=False)
    options = {"batch_size": len(x), "shuffle": False, "callbacks": [halved], "verbose": 0}
    reported = model.fit(x, y, **options).history["loss"][0]
    check(np.isclose(reported, loss, rtol=1e-5), f"global loss {reported:.6f}, expected {loss:.6f}")
    errors = [
        np.abs((old - new) - slope).max()
        for old, new, slope in zip(before, model.base.get_weights(), slopes, strict=True)
    ]
    check(max(errors) < 1e-6, f"gradients differ from one device's by {max(errors):.1e} at most")
