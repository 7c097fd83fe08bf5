"""Labels of several classes, and of every frame."""

import numpy as np
import pytest
import tensorflow as tf
from contract import seed_of

from keras_mix import layers

SIZE, TIME, BANDS = 6, 10, 4
KINDS = {"y": "frame_labels", "frames": "frame_labels"}
# Channel i of sample i is 1: a mixed place tells the shares of its sources.
SOUNDS = np.tile(np.eye(SIZE, dtype="f4")[:, None, None], (1, TIME, BANDS, 1))
FRAMES = SOUNDS[:, :, 0]
INDICATORS = np.random.default_rng(0).integers(0, 2, (SIZE, 7))

IN_TIME = {
    "CutMix": lambda **kw: layers.CutMix(spatial_dims=1, **kw),
    "FMix": lambda **kw: layers.FMix(spatial_dims=1, **kw),
    "soft FMix": lambda **kw: layers.FMix(spatial_dims=1, max_soft=0.3, **kw),
}
IN_TIME_AND_FREQUENCY = {
    "SpecMix": layers.SpecMix,
    "CutMix 2-D": layers.CutMix,
    "SmoothMix": layers.SmoothMix,
    "MixUp": lambda **kw: layers.MixUp(1.0, **kw),
    "one of two": lambda **kw: layers.RandomChoice([layers.MixUp(1.0), layers.SpecMix()], **kw),
}
MIXERS = {**IN_TIME, **IN_TIME_AND_FREQUENCY}
every_mixer = pytest.mark.parametrize("make", MIXERS.values(), ids=MIXERS)


def sounds_for(make):
    return SOUNDS[:, :, 0] if make in IN_TIME.values() else SOUNDS


@pytest.mark.parametrize(
    ("name", "compile_all"),
    [*((name, False) for name in MIXERS), ("SpecMix", True), ("one of two", True)],
)
def test_a_frames_label_is_what_is_in_the_frame(name, compile_all):
    make = MIXERS[name]
    layer = make(kinds=KINDS)
    call = tf.function(layer, jit_compile=True) if compile_all else layer
    x, y = call(tf.constant(sounds_for(make)), tf.constant(FRAMES), seed=seed_of())
    shares = x.numpy().reshape(SIZE, TIME, -1, SIZE).mean(axis=2)
    np.testing.assert_allclose(y, shares, atol=2e-6)
    assert (y.numpy() != FRAMES).any()


@pytest.mark.parametrize("make", IN_TIME.values(), ids=IN_TIME)
def test_frames_of_one_axis_need_no_name(make):
    named = make(kinds=KINDS)(FRAMES, FRAMES, seed=seed_of())
    plain = make()(FRAMES, FRAMES, seed=seed_of())
    for one, other in zip(named, plain, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


@every_mixer
def test_a_label_of_a_span_is_what_is_in_the_span(make):
    """Labels of two time steps each, and their weights, in which each source is told apart."""
    values = np.arange(SIZE, dtype="f4")
    layer, coarse = make(kinds=KINDS), FRAMES[:, ::2]
    x, y, weights = layer(sounds_for(make), coarse, coarse @ values, seed=seed_of())
    shares = x.numpy().reshape(SIZE, TIME // 2, -1, SIZE).mean(axis=2)
    np.testing.assert_allclose(y, shares, atol=2e-6)
    np.testing.assert_allclose(weights, shares @ values, atol=2e-5)


def test_class_ids_of_frames_are_cut_along():
    ids = np.tile(np.arange(SIZE)[:, None], (1, TIME))
    layer = layers.CutMix(spatial_dims=1, kinds={"y": "segmentation_masks"})
    x, y = layer(FRAMES, ids, seed=seed_of())
    np.testing.assert_array_equal(y, x.numpy().argmax(axis=2))


@every_mixer
def test_frames_are_united(make):
    x, y = make(kinds=KINDS, label_mode="union")(sounds_for(make), FRAMES, seed=seed_of())
    seen = x.numpy().reshape(SIZE, TIME, -1, SIZE).max(axis=2) > 0
    np.testing.assert_array_equal(y, seen)


@pytest.mark.parametrize("dtype", ["int32", "float32", "float64"])
def test_forms_of_frames(dtype):
    labels = FRAMES.astype(dtype)
    for training in (True, False):
        y = layers.SpecMix(kinds=KINDS)(SOUNDS, labels, training=training)[1]
        assert y.dtype == ("float64" if dtype == "float64" else "float32")
    np.testing.assert_array_equal(y, FRAMES)


def test_what_is_filled_keeps_its_frames():
    _, y = layers.SpecAugment(kinds=KINDS)(SOUNDS, FRAMES, seed=seed_of())
    np.testing.assert_array_equal(y, FRAMES)


def test_several_labels_a_frame_and_one_a_clip():
    y = {"frames": FRAMES, "clip": np.eye(SIZE, dtype="f4")}
    _, mixed = layers.SpecMix(kinds=KINDS)(SOUNDS, y, seed=seed_of())
    np.testing.assert_allclose(mixed["frames"].numpy().mean(axis=1), mixed["clip"], atol=1e-6)


def test_partners_of_another_batch():
    wide = np.concatenate([SOUNDS, 0 * SOUNDS], axis=-1), np.concatenate([FRAMES, 0 * FRAMES], -1)
    donors = tuple(np.roll(part, SIZE, axis=-1) for part in wide)
    x, y = layers.SpecMix(kinds=KINDS)(wide, partners=donors, seed=seed_of())
    np.testing.assert_allclose(y, x.numpy().mean(axis=2), atol=1e-6)
    assert (y.numpy()[..., SIZE:] > 0).any()


@pytest.mark.parametrize(
    ("frames", "sentence"),
    [
        (FRAMES[:, 1:], r"labels \(B, T, …\), one for each time step of `x`, or for each of equal"),
        (FRAMES[:, 1:], r"Repeat or pool them to 10 time steps, or to a divisor of that\."),
        (FRAMES[:, 0, 0], r"must be frame labels \(B, T, …\)"),
    ],
)
def test_what_are_no_labels_of_frames(frames, sentence):
    with pytest.raises(ValueError, match=sentence):
        layers.SpecMix(kinds=KINDS)(SOUNDS, frames)


def test_frames_of_sources_that_move():
    with pytest.raises(ValueError, match=r"^RICAP: .* cannot follow moved or resized sources"):
        layers.RICAP(kinds=KINDS)(SOUNDS, FRAMES)


# Several classes a sample.


@pytest.mark.parametrize(
    ("mixer", "compile_all"), [("MixUp", False), ("SpecMix", True), ("RICAP", False)]
)
def test_classes_of_all_sources_are_united(mixer, compile_all):
    make = getattr(layers, mixer)
    layer = make(label_mode="union", rate=0.8)
    call = tf.function(layer, jit_compile=True) if compile_all else layer
    _, y = call(tf.constant(SOUNDS), tf.constant(INDICATORS), seed=seed_of())
    _, pairs = make(label_mode="pairs", rate=0.8)(SOUNDS, np.arange(SIZE), seed=seed_of())
    sources, weights = pairs[:, 0].numpy().astype(int), pairs[:, 1].numpy()
    for i in range(SIZE):
        used = sources[i][weights[i] > 0]
        np.testing.assert_array_equal(y[i], INDICATORS[used].max(axis=0))


def test_class_ids_are_united():
    _, y = layers.MixUp(1.0, label_mode="union", num_classes=SIZE, pairing="roll")(
        SOUNDS, np.arange(SIZE), seed=seed_of()
    )
    own = np.eye(SIZE)
    np.testing.assert_array_equal(y, own + np.roll(own, -1, axis=0))


def test_probabilities_stay_what_they_are_where_nothing_is_mixed():
    labels = np.random.default_rng(0).random((SIZE, 5), np.float32)
    for options in ({"rate": 0}, {"alpha": 0}):
        _, y = layers.MixUp(label_mode="union", **options)(SOUNDS, labels)
        np.testing.assert_array_equal(y, labels)
    _, y = layers.MixUp(label_mode="union", alpha=1.0)(SOUNDS[:1], labels[:1])
    np.testing.assert_array_equal(y, labels[:1])


def test_united_labels_are_smoothed():
    _, y = layers.SpecMix(label_mode="union", label_smoothing=0.1)(
        SOUNDS, INDICATORS, seed=seed_of()
    )
    _, plain = layers.SpecMix(label_mode="union")(SOUNDS, INDICATORS, seed=seed_of())
    np.testing.assert_allclose(y, plain * 0.9 + 0.1 / 7, atol=1e-6)


@pytest.mark.parametrize("mode", ["eager", "graph"])
def test_integer_frame_labels_must_be_indicators(mode):
    layer = layers.SpecMix(kinds=KINDS)
    call = layer if mode == "eager" else tf.function(layer)
    sounds, ids = tf.constant(SOUNDS), tf.constant(np.arange(SIZE)[:, None].repeat(TIME, 1) % 3)
    error = ValueError if mode == "eager" else tf.errors.InvalidArgumentError
    with pytest.raises(error, match=r"must hold 0 and 1, since integer frame labels.*One-hot"):
        call(sounds, ids, seed=seed_of())
    _, y = call(sounds, ids % 2, seed=seed_of())
    assert y.shape == (SIZE, TIME)
