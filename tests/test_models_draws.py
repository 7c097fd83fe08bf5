"""What is drawn inside compiled steps, also as a schedule changes it."""

import pickle

import keras
import numpy as np
import pytest
import tensorflow as tf
from models import Recorder
from scipy import stats
from three_classes import IDS, X, compiled, network

from keras_mix.callbacks import MixSchedule
from keras_mix.callbacks._courses import Span
from keras_mix.layers import MixUp
from keras_mix.models import ManifoldMixup, MixingModel

pytestmark = pytest.mark.slow

UNLIKELY = 1e-4


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


def test_a_schedule_of_pairs_and_phases_survives_pickle():
    given = MixSchedule(alpha=(0.2, 1.0), rate=(0.0, 0.5), probabilities={0: [1, 0], 3: [0, 1]})
    found = pickle.loads(pickle.dumps(given))
    for epoch in range(5):
        values = found.values(epoch, Span(5), 1.0, 2)
        assert values == given.values(epoch, Span(5), 1.0, 2)
        assert values["alpha"] == pytest.approx(0.2 + 0.2 * epoch)
