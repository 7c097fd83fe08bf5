"""Training through the wrappers: every engine of Keras, saving, and what is drawn."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from models import Recorder
from scipy import stats

from keras_mix.callbacks import MixSchedule
from keras_mix.layers import MixUp
from keras_mix.models import ManifoldMixup, MixingModel

RNG = np.random.default_rng(0)
# Three classes that a small network can tell apart.
IDS = np.arange(96) % 3
X = (RNG.normal(size=(96, 8)) + 2.0 * np.eye(8)[IDS]).astype("float32")
UNLIKELY = 1e-4


def network(**options):
    return keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(16, activation="relu", name="one"),
            keras.layers.BatchNormalization(name="norm"),
            keras.layers.Dense(16, activation="relu", name="two"),
            keras.layers.Dense(3, activation="softmax", dtype="float32", name="head"),
        ],
        **options,
    )


def compiled(model, **options):
    options = {"jit_compile": False, "metrics": ["accuracy"], **options}
    optimizer = options.pop("optimizer", keras.optimizers.SGD(0.05))
    model.compile(optimizer, "sparse_categorical_crossentropy", **options)
    return model


def losses(policy=None, epochs=2, **options):
    """The loss of each epoch, always from the same seed."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy or before)
    try:
        keras.utils.set_random_seed(7)
        model = compiled(
            ManifoldMixup(network(), mix_at=["input", "one", "two"], seed=3), **options
        )
        fit = model.fit(X, IDS, batch_size=16, epochs=epochs, shuffle=False, verbose=0)
        return np.array(fit.history["loss"])
    finally:
        keras.config.set_dtype_policy(before)


@pytest.fixture(scope="module")
def expected():
    return losses()


ENGINES = [
    ({"run_eagerly": True}, 1e-5),
    ({"jit_compile": True}, 1e-4),
    ({"steps_per_execution": 3}, 1e-5),
    ({"policy": "mixed_bfloat16"}, 0.03),
    ({"policy": "mixed_float16"}, 0.02),
    ({"policy": "mixed_float16", "jit_compile": True}, 0.02),
]


@pytest.mark.parametrize(("options", "tolerance"), ENGINES, ids=str)
def test_every_engine_finds_the_same_losses(expected, options, tolerance):
    np.testing.assert_allclose(losses(**options), expected, rtol=tolerance)


def test_gradients_accumulate_as_plain_ones_do():
    found = []
    for wrap in (False, True):
        keras.utils.set_random_seed(7)
        base = network()
        model = ManifoldMixup(base, mix_at=["one"], rate=0.0) if wrap else base
        optimizer = keras.optimizers.SGD(0.05, gradient_accumulation_steps=3)
        compiled(model, optimizer=optimizer)
        model.fit(X, IDS, batch_size=16, epochs=2, shuffle=False, verbose=0)
        found.append(base.get_weights())
    for plain, mixed in zip(*found, strict=True):
        np.testing.assert_array_equal(mixed, plain)


def test_one_seed_repeats_itself_and_others_differ():
    runs = [[w.sum() for w in trained(seed).get_weights()] for seed in (1, 1, 2)]
    assert runs[0] == runs[1] != runs[2]


def trained(seed):
    keras.utils.set_random_seed(7)
    base = network()
    model = compiled(ManifoldMixup(base, mix_at=["input", "one"], seed=seed))
    model.fit(X, IDS, batch_size=16, shuffle=False, verbose=0)
    return base


def test_the_base_is_trained_and_nothing_else_is_left_of_it():
    base = network()
    model = compiled(ManifoldMixup(base))
    history = model.fit(X, IDS, batch_size=16, epochs=8, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    np.testing.assert_array_equal(model.predict(X, verbose=0), base.predict(X, verbose=0))
    compiled(base)
    assert model.evaluate(X, IDS, verbose=0) == base.evaluate(X, IDS, verbose=0)
    assert not any("call" in layer.__dict__ for layer in base._flatten_layers())
    assert model.base is base


def test_a_base_is_wrapped_again():
    base = network()
    for _ in range(2):
        compiled(ManifoldMixup(base)).fit(X, IDS, batch_size=32, verbose=0)
    compiled(base).fit(X, IDS, batch_size=32, verbose=0)


class Failing(keras.layers.Layer):
    """Fails while a training step is traced."""

    def call(self, inputs, training=None):
        if training:
            raise RuntimeError("on purpose")
        return inputs


def test_an_exception_leaves_the_base_unwrapped():
    base = keras.Sequential([keras.Input((8,)), keras.layers.Dense(3, name="one"), Failing()])
    model = compiled(ManifoldMixup(base, mix_at=["one"]))
    with pytest.raises(RuntimeError, match="on purpose"):
        model.fit(X, IDS, verbose=0)
    assert not any("call" in layer.__dict__ for layer in base._flatten_layers())
    base.predict(X, verbose=0)


WRAPPERS = [
    lambda: ManifoldMixup(network(), mix_at=["input", ("one", "two")], alpha=0.3, rate=0.9, seed=5),
    lambda: ManifoldMixup(network(), loss_mode="mixed_targets"),
    lambda: MixingModel(network(), per="batch", pairing="roll", name="mixing"),
    lambda: MixingModel(network(), mixer=[MixUp(0.1), MixUp(0.3)]),
]


@pytest.mark.parametrize("make", WRAPPERS)
def test_saving_loading_and_training_on(make, tmp_path):
    model = make()
    y = np.eye(3, dtype="float32")[IDS]
    model.compile(keras.optimizers.Adam(), "categorical_crossentropy", metrics=["accuracy"])
    model.fit(X, y, verbose=0)
    # Keras saves no state of random numbers: unmixed, both go on alike.
    model.dials.rate = 0.0
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    configs = [{k: v for k, v in m.get_config().items() if k != "model"} for m in (loaded, model)]
    assert configs[0] == configs[1]
    assert loaded.dials.rate == 0.0
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))
    for one in (model, loaded):
        one.fit(X, y, shuffle=False, batch_size=32, verbose=0)
    for ours, theirs in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-7)
    model.save_weights(tmp_path / "model.weights.h5")
    other = make()
    other.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(other.predict(X, verbose=0), model.predict(X, verbose=0))


def test_a_loaded_alpha_is_the_one_that_is_drawn(tmp_path):
    model = MixingModel(network(), alpha=0.0)
    model.dials.alpha = 1e8
    model.save_weights(tmp_path / "a.weights.h5")
    other = MixingModel(network(), alpha=0.0)
    other.load_weights(tmp_path / "a.weights.h5")
    quantiles = other.dials.concentration.quantiles
    np.testing.assert_allclose(quantiles, 0.5, atol=1e-3)
    model.dials.alpha = 0.0
    other.set_weights(model.get_weights())
    np.testing.assert_array_equal(other.dials.concentration.quantiles, 1.0)


def ratios(model, recorder, batches, size=2):
    """What a recorder behind the place saw of batches of 0, 1 …, one-hot encoded."""
    x = np.eye(size, dtype="float32")
    compiled(model, jit_compile=True, metrics=None)
    dataset = tf.data.Dataset.from_tensors((x, np.arange(size))).repeat(batches)
    seen = []
    watch = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(recorder.seen.numpy())
    )
    model.fit(dataset, shuffle=False, verbose=0, callbacks=[watch])
    return np.array(seen)


@pytest.mark.parametrize("alpha", [0.2, 2.0, (0.5, 3.0)], ids=str)
def test_ratios_inside_the_compiled_step_are_beta(alpha):
    recorder = Recorder((2, 2))
    head = keras.layers.Dense(2, activation="softmax")
    base = keras.Sequential([keras.Input((2,)), recorder, head])
    model = ManifoldMixup(base, mix_at=["input"], alpha=alpha, pairing="derange", seed=11)
    seen = ratios(model, recorder, 1000)
    pair = alpha if isinstance(alpha, tuple) else (alpha, alpha)
    assert np.allclose(seen[:, 0, 0], seen[:, 1, 1])
    assert stats.kstest(seen[:, 0, 0], stats.beta(*pair).cdf).pvalue > UNLIKELY


def test_weights_of_several_sources_inside_the_compiled_step_are_dirichlet():
    recorder = Recorder((4, 4))
    head = keras.layers.Dense(4, activation="softmax")
    base = keras.Sequential([keras.Input((4,)), Counting(), recorder, head])
    mixer = MixUp(0.7, sources=3, pairing="roll")
    model = MixingModel(base, mixer=mixer, seed=11)
    before = Counting.traces
    seen = ratios(model, recorder, 1000, size=4)[:, 0]
    np.testing.assert_allclose(seen.sum(axis=1), 1.0, atol=2e-7)
    assert not seen[:, 3].any()
    for weight in seen[:, :3].T:
        assert stats.kstest(weight, stats.beta(0.7, 1.4).cdf).pvalue > UNLIKELY
    traces = Counting.traces - before
    model.dials.alpha = (2e6, 1e6)
    dataset = tf.data.Dataset.from_tensors((np.eye(4, dtype="float32"), np.arange(4)))
    model.fit(dataset, shuffle=False, verbose=0)
    np.testing.assert_allclose(recorder.seen[0], [0.5, 0.25, 0.25, 0.0], atol=2e-3)
    assert Counting.traces - before == traces


def test_the_major_weight_of_a_mixer_stays_major_inside_a_model():
    recorder = Recorder((2, 2))
    head = keras.layers.Dense(2, activation="softmax")
    base = keras.Sequential([keras.Input((2,)), recorder, head])
    mixer = MixUp(1.0, keep_major=True, pairing="derange")
    seen = ratios(MixingModel(base, mixer=mixer, seed=11), recorder, 500)
    major = seen[:, 0, 0]
    assert stats.kstest(major, stats.uniform(0.5, 0.5).cdf).pvalue > UNLIKELY
    with pytest.raises(ValueError, match="`keep_major` has no effect"):
        MixingModel(base, mixer=mixer, keep_major=True)


def test_places_are_chosen_by_their_probability():
    """The two samples are halves of each other's behind the chosen place, and from there on."""
    places = [keras.layers.Rescaling(1.0, name=f"p{i}") for i in range(3)]
    recorders = [Recorder((2, 2)) for _ in places]
    layers = [layer for pair in zip(places, recorders, strict=True) for layer in pair]
    head = keras.layers.Dense(2, activation="softmax")
    base = keras.Sequential([keras.Input((2,)), *layers, head])
    model = ManifoldMixup(base, mix_at=["p0", "p1", "p2"], alpha=1e8, pairing="reverse", seed=5)
    model.dials.probabilities = [0.5, 0.3, 0.2]
    chosen = []
    compiled(model, jit_compile=True, metrics=None)
    dataset = tf.data.Dataset.from_tensors((np.eye(2, dtype="float32"), np.array([0, 1])))
    watch = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: chosen.append(
            next(i for i, r in enumerate(recorders) if abs(np.ptp(r.seen.numpy())) < 0.01)
        )
    )
    model.fit(dataset.repeat(1000), shuffle=False, verbose=0, callbacks=[watch])
    counts = np.bincount(chosen, minlength=3)
    for count, probability in zip(counts, (0.5, 0.3, 0.2), strict=True):
        error = np.sqrt(1000 * probability * (1 - probability))
        assert abs(count - 1000 * probability) < 3 * error


class Counting(keras.layers.Layer):
    """Counts the traces of a training step."""

    traces = 0

    def call(self, inputs, training=None):
        type(self).traces += bool(training)
        return inputs


@pytest.mark.parametrize("jit_compile", [False, True])
def test_a_schedule_changes_all_without_a_new_trace(jit_compile):
    recorder = Recorder((16, 8))
    base = keras.Sequential([keras.Input((8,)), Counting(), recorder, *network().layers])
    model = compiled(
        MixingModel(base, mixer=[MixUp(1e8, pairing=pairing) for pairing in ("roll", "reverse")]),
        jit_compile=jit_compile,
    )
    schedule = MixSchedule(rate=(1.0, 0.5), probabilities={0: [1, 0], 2: [0, 1]}, unmixed_epochs=1)
    seen, traces = [], []
    watch = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda *_: traces.append(Counting.traces),
        on_epoch_end=lambda batch, logs: seen.append((model.dials.rate, recorder.seen.numpy())),
    )
    model.fit(
        X, IDS, batch_size=16, epochs=5, shuffle=False, verbose=0, callbacks=[schedule, watch]
    )
    assert traces[0] < traces[1] == traces[-1] == Counting.traces
    assert [rate for rate, _ in seen] == pytest.approx([1.0, 0.875, 0.75, 0.625, 0.0])
    assert (model.dials.rate, model.dials.probabilities) == (1.0, [0.5, 0.5])
    last = X[-16:]
    np.testing.assert_allclose(seen[0][1], (last + np.roll(last, -1, axis=0)) / 2, atol=1e-3)
    later = np.abs(seen[2][1] - (last + last[::-1]) / 2).max(axis=1) < 1e-3
    unmixed = (seen[2][1] == last).all(axis=1)
    assert later.any()
    assert (later ^ unmixed).all()
    np.testing.assert_array_equal(seen[4][1], last)


class Nested(keras.Model):
    """Two layers of automatic names."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.one = keras.layers.Dense(8)
        self.two = keras.layers.Dense(3, activation="softmax")

    def call(self, inputs):
        return self.two(self.one(inputs))


def test_places_of_a_subclassed_base_are_saved_by_position(tmp_path):
    base = Nested()
    model = compiled(ManifoldMixup(base, mix_at=[base.one]))
    model.fit(X, IDS, verbose=0)
    model.save(tmp_path / "model.keras")
    keras.utils.clear_session()
    keras.layers.Dense(1)
    objects = {"Nested": Nested}
    loaded = keras.models.load_model(tmp_path / "model.keras", custom_objects=objects)
    assert loaded.mix_points == [loaded.base.one.name]


def test_a_wrapper_trains_outermost_only():
    inner = MixingModel(network())
    outer = compiled(keras.Sequential([keras.Input((8,)), inner]))
    outer.predict(X, verbose=0)
    with pytest.raises(ValueError, match="must be the outermost model in training"):
        outer.fit(X, IDS, verbose=0)


def test_an_interrupted_schedule_leaves_the_model_as_it_was():
    model = compiled(MixingModel(network(), alpha=0.5))
    schedule = MixSchedule(alpha=(1.0, 2.0), unmixed_epochs=2)
    stop = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: 1 / (epoch - 1))
    with pytest.raises(ZeroDivisionError):
        model.fit(X, IDS, epochs=3, verbose=0, callbacks=[schedule, stop])
    assert (model.dials.alpha, model.dials.rate) == (0.5, 1.0)
    best = keras.callbacks.EarlyStopping("loss", restore_best_weights=True)
    model.fit(X, IDS, epochs=3, verbose=0, callbacks=[schedule, best])
    assert (model.dials.alpha, model.dials.rate) == (0.5, 1.0)


def test_half_precision_losses_are_scaled_as_the_bases():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    base = network()
    keras.config.set_dtype_policy(before)
    model = compiled(MixingModel(base))
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)


def test_the_wrapper_counts_the_base_as_its_only_layer():
    base = network()
    assert ManifoldMixup(base, mix_at=[base.layers[0], ("one", "two")]).layers == [base]


def test_exporting_exports_the_base(tmp_path):
    model = compiled(MixingModel(network()))
    model.fit(X, IDS, verbose=0)
    model.export(tmp_path / "exported", verbose=False)
    exported = tf.saved_model.load(tmp_path / "exported")
    np.testing.assert_allclose(exported.serve(X), model.predict(X, verbose=0), rtol=1e-5)


class Own(keras.losses.Loss):
    """One whose `__call__` is more than its `call`."""

    def __call__(self, y_true, y_pred, sample_weight=None):
        return 100 * super().__call__(y_true, y_pred, sample_weight)

    def call(self, y_true, y_pred):
        return keras.ops.mean(keras.ops.square(y_true - y_pred), axis=-1)


@pytest.mark.parametrize(
    ("loss", "y", "sentence"),
    [
        (Own(), np.zeros((96, 3), "float32"), "must not override `__call__`"),
        ("mse", None, "there must be labels to mix"),
    ],
)
def test_losses_that_cannot_be_mixed(loss, y, sentence):
    model = MixingModel(network())
    model.compile("sgd", loss, run_eagerly=True)
    with pytest.raises(ValueError, match=sentence):
        model.train_on_batch(X, y)


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "mean_with_sample_weight"])
def test_what_the_loss_leaves_out_stays_out(reduction):
    y = np.where(IDS == 2, -1, IDS)
    loss = keras.losses.SparseCategoricalCrossentropy(ignore_class=-1, reduction=reduction)
    found = []
    for wrap in (False, True):
        keras.utils.set_random_seed(7)
        base = network()
        model = MixingModel(base, rate=0.0) if wrap else base
        model.compile(keras.optimizers.SGD(0.0), loss)
        found.append(model.train_on_batch(X, y))
    assert found[1] == pytest.approx(found[0], rel=1e-5)
