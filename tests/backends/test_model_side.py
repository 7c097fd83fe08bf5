"""What holds of the model side on every backend of Keras: the one that KERAS_BACKEND names.

No TensorFlow is imported here: the file runs where there is none. The draws are read off from
inside the step, by metrics of a model whose output shows the weights of each sample: the inputs
are rows of the identity matrix, and so is the kernel of the base. Row i of the output is
λ e_i + (1 - λ) e_partner.
"""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_mix.callbacks import MixSchedule
from keras_mix.layers import MixPoint
from keras_mix.models import ManifoldMixup, MixingModel

pytestmark = pytest.mark.slow

BACKEND = keras.backend.backend()
WRAPPERS = [ManifoldMixup, MixingModel]
LOSS = "sparse_categorical_crossentropy"
# The other tests of models compile by XLA on TensorFlow, which takes longer.
JIT = False if BACKEND == "tensorflow" else "auto"
CLASSES = 3
BATCH = 16


@pytest.fixture(autouse=True)
def _seeded():
    """Every test draws alike, and forgets the graphs of the one before."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(7)


def residual():
    inputs = keras.Input((8, 8, 2))
    x = layers.Conv2D(6, 3, padding="same", name="stem")(inputs)
    for block in ("one", "two"):
        branch = layers.BatchNormalization(momentum=0.5)(layers.Conv2D(6, 3, padding="same")(x))
        x = layers.ReLU(name=block)(layers.Add()([x, branch]))
    outputs = layers.Dense(CLASSES, activation="softmax")(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, outputs)


def sequential():
    return keras.Sequential(
        [
            keras.Input((8, 8, 2)),
            layers.Flatten(),
            layers.Dense(16, activation="relu"),
            layers.BatchNormalization(momentum=0.5),
            layers.Dropout(0.2, seed=1),
            layers.Dense(16, activation="relu"),
            layers.Dense(CLASSES, activation="softmax"),
        ]
    )


@keras.saving.register_keras_serializable(package="test_backends")
class Subclassed(keras.Model):
    """Reads its layers off from `call` alone; Keras knows no graph of it."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.flat = layers.Flatten()
        self.first = layers.Dense(16, activation="relu")
        self.second = layers.Dense(16, activation="relu")
        self.last = layers.Dense(CLASSES, activation="softmax")

    def call(self, inputs):
        return self.last(self.second(self.first(self.flat(inputs))))


def text():
    return keras.Sequential(
        [
            keras.Input((6,), dtype="int32"),
            layers.Embedding(20, 8, mask_zero=True, name="embedding"),
            layers.LSTM(8),
            layers.Dense(CLASSES, activation="softmax"),
        ]
    )


def images(count=96):
    """Noise beside a constant that tells the class."""
    noise, ids = np.random.default_rng(0), np.arange(count) % CLASSES
    x = 0.3 * noise.standard_normal((count, 8, 8, 2))
    return (x + (ids - 1.0)[:, None, None, None]).astype("float32"), ids


def sentences(count=96):
    """Words of the class's own third of the vocabulary, padded by zeros."""
    noise, ids = np.random.default_rng(0), np.arange(count) % CLASSES
    words = 1 + 6 * ids[:, None] + noise.integers(0, 6, (count, 6))
    lengths = noise.integers(2, 7, (count, 1))
    return np.where(np.arange(6) < lengths, words, 0).astype("int32"), ids


BASES = {
    "residual": (residual, images),
    "sequential": (sequential, images),
    "subclassed": (Subclassed, images),
    "text": (text, sentences),
}


def wrapped(wrapper, base, **kwargs):
    """A wrapper with a seed; token ids are mixed behind the embedding, as they have to be."""
    if wrapper is MixingModel and any(layer.name == "embedding" for layer in base.layers):
        kwargs["mix_at"] = ["embedding"]
    return wrapper(base, seed=3, **kwargs)


def losses(model, x, y, loss=LOSS, epochs=1):
    model.compile(keras.optimizers.Adam(0.02), loss, jit_compile=JIT)
    return model.fit(x, y, batch_size=BATCH, epochs=epochs, shuffle=False, verbose=0).history[
        "loss"
    ]


def identity(size):
    """A base that gives its input, and a place within."""
    return keras.Sequential(
        [
            keras.Input((size,)),
            layers.Dense(size, use_bias=False, kernel_initializer="identity"),
            Traced(),
            MixPoint(),
        ]
    )


class Traced(layers.Layer):
    """Counts the calls of its Python code."""

    count = 0

    def call(self, inputs):
        Traced.count += 1
        return inputs


def own_weight(y_true, y_pred):
    """Each sample's λ, where rows of the identity matrix are mixed."""
    return ops.diagonal(y_pred)


def squared_deviation(y_true, y_pred):
    return ops.square(own_weight(y_true, y_pred) - 0.5)


def spread(y_true, y_pred):
    """How much λ differs within the batch."""
    weights = own_weight(y_true, y_pred)
    return ops.max(weights) - ops.min(weights)


def shown(wrapper, steps, size=BATCH, epochs=1, callbacks=(), **kwargs):
    """The history of training `identity`: its metrics tell the draws, its loss the labels'."""
    return train(shown_model(wrapper, size, **kwargs), steps, size, epochs, callbacks)


def shown_model(wrapper, size=BATCH, **kwargs):
    """A wrapped `identity` with the metrics that tell the draws."""

    def loss(y_true, y_pred):
        return 1.0 - ops.sum(ops.one_hot(ops.cast(y_true, "int32"), size) * y_pred, axis=-1)

    model = wrapper(identity(size), pairing="roll", seed=3, **kwargs)
    metrics = [own_weight, squared_deviation, spread, keras.metrics.SparseCategoricalAccuracy()]
    model.compile(keras.optimizers.SGD(0.0), loss, metrics=metrics, jit_compile=JIT)
    return model


def train(model, steps, size=BATCH, epochs=1, callbacks=()):
    """The history of training a model of `shown_model`."""
    x, y = np.tile(np.eye(size, dtype="float32"), (steps, 1)), np.tile(np.arange(size), steps)
    options = {"batch_size": size, "epochs": epochs, "shuffle": False, "verbose": 0}
    return model.fit(x, y, callbacks=list(callbacks), **options).history


def with_own_call(base):
    """The names of layers whose `call` is not their class's."""
    return [layer.name for layer in base._flatten_layers() if "call" in layer.__dict__]


@pytest.mark.parametrize(
    ("wrapper", "name"),
    [(ManifoldMixup, name) for name in BASES] + [(MixingModel, "subclassed")],
)
def test_fit_learns_and_the_rest_is_the_base(wrapper, name):
    build, data = BASES[name]
    base, (x, y) = build(), data()
    model = wrapped(wrapper, base, alpha=0.3)
    history = losses(model, x, y, epochs=8)
    assert np.isfinite(history).all()
    assert np.mean(history[-2:]) < 0.8 * history[0]
    assert with_own_call(base) == []
    predicted = base.predict(x, verbose=0)
    assert (predicted.argmax(axis=1) == y).mean() > 0.8
    np.testing.assert_array_equal(model.predict(x, verbose=0), predicted)
    base.compile(loss=LOSS, jit_compile=JIT)
    np.testing.assert_allclose(
        model.evaluate(x, y, verbose=0), base.evaluate(x, y, verbose=0), rtol=1e-6
    )


def test_integers_and_one_hot_rows_have_the_same_loss():
    x, y = images()
    reported = []
    for labels, loss in ((y, LOSS), (np.eye(CLASSES, dtype="float32")[y], LOSS[7:])):
        keras.utils.set_random_seed(7)
        reported.append(losses(wrapped(ManifoldMixup, sequential()), x, labels, loss, epochs=2))
    np.testing.assert_allclose(*reported, rtol=1e-5)


@pytest.mark.parametrize(
    ("wrapper", "off"), [(ManifoldMixup, {"rate": 0.0}), (MixingModel, {"alpha": 0.0})]
)
def test_unmixed_training_is_plain_training(wrapper, off):
    """The dropout and the batch normalization show that the base is told that it trains."""
    x, y = images()
    histories, weights = [], []
    for mixed in (False, True):
        keras.utils.set_random_seed(7)
        base = sequential()
        histories.append(losses(wrapped(wrapper, base, **off) if mixed else base, x, y, epochs=2))
        weights.append(base.get_weights())
    np.testing.assert_allclose(*histories, rtol=1e-4)
    # Adam makes much of the rounding of gradients that are almost 0.
    for plain, own in zip(*weights, strict=True):
        np.testing.assert_allclose(own, plain, atol=0.01)


@pytest.mark.parametrize(("wrapper", "name"), [(ManifoldMixup, "residual"), (MixingModel, "text")])
def test_a_saved_model_goes_on(wrapper, name, tmp_path):
    build, data = BASES[name]
    x, y = data()
    model = wrapped(wrapper, build(), alpha=0.3)
    first = losses(model, x, y, epochs=4)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.mix_points == model.mix_points
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
    assert int(loaded.optimizer.iterations) == int(model.optimizer.iterations) > 0
    more = loaded.fit(x, y, batch_size=BATCH, epochs=4, verbose=0).history["loss"]
    assert np.isfinite(more).all()
    assert np.mean(more) < np.mean(first)


class Failing(layers.Layer):
    """A layer that cannot train."""

    def call(self, inputs, training=None):
        if training:
            raise RuntimeError("out of order")
        return inputs


def test_layers_are_as_they_were_after_an_exception():
    base = keras.Sequential([keras.Input((8, 8, 2)), layers.Flatten(), Failing()])
    base.add(layers.Dense(CLASSES, activation="softmax"))
    with pytest.raises(RuntimeError, match="out of order"):
        losses(wrapped(MixingModel, base), *images())
    assert with_own_call(base) == []


@pytest.mark.parametrize(
    ("wrapper", "per", "alpha", "steps"),
    [
        (MixingModel, "sample", 0.2, 100),
        (MixingModel, "batch", 1.0, 250),
        (ManifoldMixup, "batch", 2.0, 250),
    ],
)
def test_lambda_has_the_mean_and_variance_of_beta_and_labels_follow(wrapper, per, alpha, steps):
    size = 4 if per == "batch" else BATCH
    history = shown(wrapper, steps, size, per=per, alpha=alpha, mix_at=["input", "mix_point"])
    variance = 1 / (4 * (2 * alpha + 1))
    # The variance of (λ - ½)², by the kurtosis of Beta(α, α).
    fourth = variance**2 * (2 - 6 / (2 * alpha + 3))
    draws = steps * (1 if per == "batch" else size)
    assert abs(history["own_weight"][0] - 0.5) < 4 * np.sqrt(variance / draws)
    assert abs(history["squared_deviation"][0] - variance) < 4 * np.sqrt(fourth / draws)
    assert (history["spread"][0] < 1e-6) == (per == "batch")
    # The partner dominates half of the samples; the accuracy is that of its label, then.
    assert history["sparse_categorical_accuracy"] == [1.0]
    # Each sample's loss is λ (1 - λ) + (1 - λ) λ.
    expected = 0.5 - 2 * history["squared_deviation"][0]
    np.testing.assert_allclose(history["loss"][0], expected, rtol=1e-4)


def test_lambda_of_a_pair_has_the_mean_and_variance_of_beta():
    history = shown(MixingModel, 100, alpha=(0.5, 2.0))
    mean, variance = 0.2, 0.2 * 0.8 / 3.5
    assert abs(history["own_weight"][0] - mean) < 4 * np.sqrt(variance / (100 * BATCH))
    # λ² lies in [0, 1], so its deviation is at most that of λ, twice.
    second = history["squared_deviation"][0] - (variance + 0.3**2)
    assert abs(second) < 4 * 2 * np.sqrt(variance / (100 * BATCH))
    assert history["sparse_categorical_accuracy"] == [1.0]


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_the_major_weight_is_the_samples_own(wrapper):
    history = shown(wrapper, 200, alpha=1.0, per="sample", keep_major=True, mix_at=["mix_point"])
    # max(λ, 1 - λ) of a uniform λ is uniform over [½, 1].
    draws = 200 * BATCH
    assert abs(history["own_weight"][0] - 0.75) < 4 * np.sqrt(1 / 48 / draws)
    assert abs(history["squared_deviation"][0] - 1 / 12) < 4 * np.sqrt(1 / 180 / draws)


def test_a_schedule_leads_from_alpha_0_to_a_pair_and_back():
    model = shown_model(MixingModel, alpha=0.3)
    schedule = MixSchedule(alpha=(0.0, (1e6, 3e6)))
    history = train(model, 4, epochs=2, callbacks=[schedule])
    np.testing.assert_allclose(history["own_weight"], [1.0, 0.25], atol=2e-3)
    assert model.dials.alpha == 0.3
    by_epoch = MixSchedule(alpha=lambda epoch: (3e6, 1e6) if epoch else 1e6)
    history = train(model, 4, epochs=2, callbacks=[by_epoch])
    np.testing.assert_allclose(history["own_weight"], [0.5, 0.75], atol=2e-3)


def test_a_pair_is_kept_saved_and_refused_where_it_cannot_be():
    model = MixingModel(sequential(), alpha=(0.2, 5), keep_major=True)
    assert model.dials.alpha == (0.2, 5.0)
    config = model.get_config()
    assert (config["alpha"], config["keep_major"]) == ([0.2, 5.0], True)
    again = MixingModel.from_config(config)
    assert (again.dials.alpha, again.keep_major) == ((0.2, 5.0), True)
    model.dials.alpha = 3
    again.set_weights(model.get_weights())
    assert again.dials.alpha == 3.0
    for alpha in ((0, 1), (1,), (1, np.nan)):
        with pytest.raises(ValueError, match=r"`alpha` must be .* or a pair \(a, b\)"):
            model.dials.alpha = alpha
        with pytest.raises(ValueError, match=r"`alpha` must be .* or a pair \(a, b\)"):
            MixSchedule(alpha=(1.0, alpha))
    assert model.dials.alpha == 3.0


def test_a_schedule_changes_the_draws_and_compiles_nothing():
    counts = []
    seen = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: counts.append(Traced.count))
    schedule = MixSchedule(
        alpha=(0.1, 50.0), rate=lambda epoch: 0.5 if epoch else 1.0, unmixed_epochs=1
    )
    history = shown(MixingModel, 20, epochs=4, callbacks=[schedule, seen])
    _, half, fixed, off = history["squared_deviation"]
    # α = 16.7: of half of the samples the deviation is almost 0, of the others it is that of 1.
    assert history["squared_deviation"][0] > 0.18
    assert 0.1 < half < 0.16
    assert 0.1 < fixed < 0.16
    np.testing.assert_allclose([off, history["own_weight"][3]], [0.25, 1.0], rtol=1e-6)
    # PyTorch runs the Python code at each step.
    assert BACKEND == "torch" or set(counts) == {counts[0]}


def output_of(script):
    """What Python prints, run for the backend of these tests."""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_the_model_side_imports_no_tensorflow():
    script = """
import sys
import keras_mix
keras_mix.models, keras_mix.layers.MixPoint, keras_mix.callbacks
print(*{"tensorflow", "tensorflow_probability"} & set(sys.modules))
"""
    # Keras itself imports TensorFlow where it is the backend.
    expected = ["tensorflow"] if BACKEND == "tensorflow" else []
    assert os.environ.get("KERAS_BACKEND", BACKEND) == BACKEND
    assert output_of(script).split() == expected
