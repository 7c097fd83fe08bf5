"""One run: a new network trained on mixed samples and scored on unmixed ones."""

import time

import keras
import numpy as np
import tensorflow as tf

from keras_mix import callbacks, data
from keras_mix.evaluate import robust
from keras_mix.evaluate.mixers import SwitchedOff, mixing, unmixed_epochs, wraps
from keras_mix.evaluate.predictions import predict
from keras_mix.evaluate.run import Run


def pipeline(train, num_classes, mixer, seed, batch_size):
    """Batches of training samples, mixed if `mixer` is a layer.

    Args:
        train: Pair of samples `(N, …)` and class ids `(N,)`.
        num_classes: Integer K.
        mixer: A layer, switched off at the end or not; None or a callable that wraps a model
            leaves the samples as they are.
        seed: Integer. Gives the same order of samples with every mixer.
        batch_size: Integer.

    Returns:
        A `tf.data.Dataset` of samples and float32 labels `(B, K)`, different in each epoch.
    """
    samples, ids = train
    one_hot = np.eye(num_classes, dtype=np.float32)[ids]
    dataset = tf.data.Dataset.from_tensor_slices((samples, one_hot))
    dataset = dataset.shuffle(len(ids), seed=seed).batch(batch_size)
    mixer = mixing(mixer)
    return dataset if mixer is None or wraps(mixer) else data.mix(dataset, mixer, seed=seed)


def _all_epochs(train, settings, mixer, seed, steps):
    """The batches of all epochs, of which the last ones may be unmixed."""
    arguments = settings["classes"], mixer, seed, settings["batch_size"]
    batches = pipeline(train, *arguments).repeat()
    if wraps(mixer) or not isinstance(mixer, SwitchedOff):
        return batches
    ends = unmixed_epochs(mixer, settings["epochs"])
    mixed = max(settings["epochs"] - ends, 0) * steps
    # Skipped, not begun anew: so the order of the samples stays that of a training without mixer.
    plain = pipeline(train, settings["classes"], None, seed, settings["batch_size"]).repeat()
    return batches.take(mixed).concatenate(plain.skip(mixed))


def run(build_model, train, validation, name, mixer, seed, settings, after_epoch):
    """Trains and scores one network.

    Args:
        build_model: Callable that returns a new model, as in `keras_mix.evaluate.compare`.
        train: Pair of samples and class ids to train on.
        validation: The same to score on.
        name: String. The mixer's name.
        mixer: A layer, a callable that wraps the network, or None.
        seed: Integer.
        settings: Dict with `epochs`, `batch_size`, `learning_rate`, `classes` and `full`.
        after_epoch: Callable of the number of finished epochs.

    Returns:
        A `keras_mix.evaluate.Run`.
    """
    keras.utils.set_random_seed(seed)
    network = wrapped(build_model(), mixer)
    epochs, batch_size = settings["epochs"], settings["batch_size"]
    steps = -(-len(train[1]) // batch_size)
    if not network.compiled:
        rate = keras.optimizers.schedules.CosineDecay(settings["learning_rate"], epochs * steps)
        network.compile(
            keras.optimizers.Adam(rate),
            loss="categorical_crossentropy",
            # XLA takes longer to compile such a network than to train it on a CPU.
            jit_compile=False,
        )
    batches = _all_epochs(train, settings, mixer, seed, steps)
    progress = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, _: after_epoch(epoch + 1))
    start = time.perf_counter()
    history = network.fit(
        # One iterator for all epochs: making one anew costs more than an epoch of 300 samples.
        batches.prefetch(tf.data.AUTOTUNE),
        steps_per_epoch=steps,
        epochs=epochs,
        shuffle=False,  # the pipeline shuffles
        verbose=0,
        callbacks=[progress, *_schedules(mixer)],
    )
    seconds = time.perf_counter() - start
    return Run.of_predictions(
        name,
        predict("compare", network, validation[0]),
        validation[1],
        seed=seed,
        seconds=seconds,
        losses=history.history["loss"],
        robustness=robust.measure(network, *validation, settings) if settings["full"] else None,
    )


def _schedules(mixer):
    """What switches a mixer of the train step off."""
    ends = isinstance(mixer, SwitchedOff) and wraps(mixer)
    return [callbacks.MixSchedule(unmixed_epochs=mixer.unmixed_epochs)] if ends else []


def wrapped(network, mixer):
    """Returns what is trained: the network itself, or what a mixer puts around it."""
    if not wraps(mixer):
        return network
    model = mixing(mixer)(network)
    if network.compiled:
        model.compile_from_config(network.get_compile_config())
    return model
