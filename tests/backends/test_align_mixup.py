"""AlignMixup on every backend: Sinkhorn's algorithm and the blend by NumPy, and what it refuses."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_mix._core.draw import random
from keras_mix._core.ops import aligned_mixup, transport
from keras_mix.layers import CutMix, MixPoint
from keras_mix.models import AlignMixup

pytestmark = pytest.mark.slow

BACKEND = keras.backend.backend()
LOSS = "sparse_categorical_crossentropy"
SIZE = 5
NOISE = np.random.default_rng(0)
MAPS = NOISE.normal(size=(SIZE, 2, 3, 4)).astype("float32")
# The last sample is its own partner, the one before has weight 1.
SOURCES = np.array([[0, 2], [1, 0], [2, 1], [3, 3], [4, 4]], "int32")
WEIGHTS = np.array([[0.3, 0.7], [0.6, 0.4], [0.5, 0.5], [1.0, 0.0], [0.2, 0.8]], "float32")
AT_PARTNER = np.array([False, True, True, True, True])
ITERATIONS = 20


def numpy_of(structure):
    return keras.tree.map_structure(ops.convert_to_numpy, structure)


def sinkhorn(points, others, epsilon, iterations):
    """The assignment of one sample, as the textbook scales rows and columns of exp(-cost / ε)."""
    cost = [[np.sum((p - q) ** 2) for q in others] for p in points]
    kernel = np.exp(-np.array(cost, "float128") / epsilon)
    columns = np.ones(len(others))
    for _ in range(iterations):
        rows = 1 / len(points) / (kernel @ columns)
        columns = 1 / len(others) / (rows @ kernel)
    plan = rows[:, None] * kernel * columns
    return (plan / plan.sum(axis=1, keepdims=True)).astype("float64")


def blended(maps, plan, epsilon=0.1, iterations=ITERATIONS):
    """Sample by sample, in NumPy."""
    results = []
    for (own, partner), (weight, other), at_partner in zip(*plan, strict=True):
        if own == partner:
            results.append(maps[own])
            continue
        pair = [maps[i].reshape(-1, maps.shape[-1]).astype("float64") for i in (own, partner)]
        kept, moved = pair[::-1] if at_partner else pair
        moved = sinkhorn(kept, moved, epsilon, iterations) @ moved
        parts = (moved, kept) if at_partner else (kept, moved)
        results.append((weight * parts[0] + other * parts[1]).reshape(maps.shape[1:]))
    return np.array(results)


PLAN = (SOURCES, WEIGHTS, AT_PARTNER)


def blend(maps, plan=PLAN, channels_first=False, epsilon=0.1, iterations=ITERATIONS):
    tensors = aligned_mixup.AlignedPlan(*map(ops.convert_to_tensor, plan))
    options = {"channels_first": channels_first, "epsilon": epsilon, "iterations": iterations}
    return aligned_mixup.blend(ops.convert_to_tensor(maps), tensors, **options)


def assigned(points, others, **options):
    pair = (ops.convert_to_tensor(each) for each in (points, others))
    return numpy_of(transport.assignment(transport.squared_distances(*pair), **options))


@pytest.mark.parametrize("epsilon", [0.1, 1.0])
def test_the_assignment_is_that_of_sinkhorn(epsilon):
    points, others = NOISE.normal(size=(2, 3, 6, 2)).astype("float32")
    found = assigned(points, others, epsilon=epsilon, iterations=ITERATIONS)
    for one, p, q in zip(found, points, others, strict=True):
        np.testing.assert_allclose(one, sinkhorn(p, q, epsilon, ITERATIONS), atol=1e-4)


def test_marginals_hold_and_no_cost_overflows():
    points, others = NOISE.normal(size=(2, 3, 6, 2)).astype("float32")
    found = assigned(points, others[:, :4], epsilon=0.5, iterations=300)
    np.testing.assert_allclose(found.sum(axis=2), 1, atol=1e-5)
    np.testing.assert_allclose(found.sum(axis=1), 6 / 4, atol=1e-3)
    far = assigned(100 * points + 1e3, 100 * others, epsilon=0.1, iterations=50)
    np.testing.assert_allclose(far.sum(axis=2), 1, atol=1e-5)
    assert np.isfinite(far).all()


def test_features_are_transported_and_blended():
    np.testing.assert_allclose(numpy_of(blend(MAPS)), blended(MAPS, PLAN), atol=1e-4)
    first = numpy_of(blend(np.moveaxis(MAPS, -1, 1), channels_first=True))
    np.testing.assert_allclose(np.moveaxis(first, 1, -1), blended(MAPS, PLAN), atol=1e-4)
    half = blend(MAPS.astype("float16"))
    assert keras.backend.standardize_dtype(half.dtype) == "float16"
    np.testing.assert_allclose(numpy_of(half), blended(MAPS, PLAN), atol=0.01)


def test_weight_1_and_a_partner_that_is_the_sample_leave_it_to_the_bit():
    np.testing.assert_array_equal(numpy_of(blend(MAPS))[3:], MAPS[3:])


@pytest.mark.parametrize("at_partner", [False, True])
def test_a_partner_of_the_same_features_gives_the_features_of_the_one_that_stays(at_partner):
    """Wherever they are: it is what a blend without alignment does not do."""
    own = NOISE.normal(size=(1, 9, 8)).astype("float32")
    maps = np.concatenate([own, own[:, NOISE.permutation(9)]])
    plan = np.array([[0, 1], [1, 0]], "int32"), WEIGHTS[:2], np.full(2, at_partner)
    found = numpy_of(blend(maps, plan, epsilon=0.01, iterations=100))
    np.testing.assert_allclose(found, maps[::-1] if at_partner else maps, atol=1e-3)


class Scaled(layers.Layer):
    """Multiplies by a weight, 1 at first, and blends by the plan."""

    def build(self, shape):
        self.scale = self.add_weight(shape=(), initializer="ones")

    def call(self, inputs):
        return blend(self.scale * inputs)


def test_gradients_flow_through_the_features_alone():
    """With a plan that stays as it is, the output is proportional to the scale."""
    model = keras.Sequential([keras.Input(batch_shape=MAPS.shape), Scaled()])
    model.compile(keras.optimizers.SGD(1.0), lambda y, p: ops.mean(y * p, axis=(1, 2, 3)))
    readout = NOISE.normal(size=MAPS.shape).astype("float32")
    model.train_on_batch(MAPS, readout)
    (weight,) = model.trainable_weights
    expected = np.mean(readout * blended(MAPS, PLAN))
    assert 1 - float(numpy_of(weight)) == pytest.approx(expected, rel=1e-3)


def convolutional():
    return keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            layers.Conv2D(6, 3, activation="relu", name="first"),
            layers.Conv2D(8, 2, activation="relu", name="last"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax"),
        ]
    )


def test_half_of_the_batches_are_mixed_at_the_last_map_by_default():
    model = AlignMixup(convolutional())
    assert model.choices == [("input", None), ("last", None)]
    assert model.dials.probabilities == [0.5, 0.5]
    assert (model.dials.alpha, model.per) == (2.0, "batch")
    marked = keras.Sequential([keras.Input((6, 6, 1)), MixPoint(name="here"), layers.Flatten()])
    assert AlignMixup(marked).mix_points == ["here"]
    recurrent = keras.Sequential(
        [keras.Input((5, 3)), layers.GRU(4, return_sequences=True, name="steps"), layers.GRU(4)]
    )
    assert AlignMixup(recurrent).mix_points == ["input", "steps"]


@pytest.mark.parametrize("at_partner", [False, True])
def test_a_step_blends_the_map_and_weighs_the_labels(at_partner, monkeypatch):
    def coin(seed, probability, count):
        # A float is the probability that features stay at the partner's positions.
        drawn = at_partner if isinstance(probability, float) else True
        return ops.convert_to_tensor([drawn])

    monkeypatch.setattr(random, "beta", lambda *args: ops.convert_to_tensor([0.3]))
    monkeypatch.setattr(random, "coin", coin)
    first = layers.Dense(4, use_bias=False, kernel_initializer="identity")
    base = keras.Sequential([keras.Input(MAPS.shape[1:]), first, MixPoint(), layers.Flatten()])
    model = AlignMixup(base, pairing="roll", iterations=ITERATIONS)
    model.compile("sgd", lambda y, p: ops.sum(y * p, axis=-1))
    labels = NOISE.random((SIZE, 24)).astype("float32")
    found = model.train_on_batch(MAPS, labels)
    sources = np.stack([np.arange(SIZE), (np.arange(SIZE) + 1) % SIZE], axis=1)
    plan = sources, np.tile([[0.3, 0.7]], (SIZE, 1)), np.full(SIZE, at_partner)
    prediction = blended(MAPS, plan).reshape(SIZE, 24)
    expected = np.sum((0.3 * labels + 0.7 * labels[sources[:, 1]]) * prediction, axis=1).mean()
    assert float(found) == pytest.approx(expected, rel=1e-4)


def test_a_mixer_mixes_at_the_input_alone():
    mixer = CutMix()
    model = AlignMixup(convolutional(), mixer=mixer, iterations=ITERATIONS)
    assert model.choices == [("input", mixer), ("last", None)]
    model.compile("sgd", LOSS, run_eagerly=True)
    images = NOISE.random((SIZE, 6, 6, 1), "float32")
    for probabilities in ([1, 0], [0, 1]):
        model.dials.probabilities = probabilities
        assert np.isfinite(float(model.train_on_batch(images, np.arange(SIZE) % 3)))


def test_positions_are_drawn_with_equal_odds():
    def drawn(per):
        generator = keras.random.SeedGenerator(1)
        plan = aligned_mixup.draw(
            random.begin(generator), 2000, 1.0, alpha=2.0, keep_major=False, pairing="roll", per=per
        )
        return numpy_of(plan.at_partner)

    assert abs(drawn("sample").mean() - 0.5) < 5 * np.sqrt(0.25 / 2000)
    assert len(set(drawn("batch"))) == 1


@pytest.mark.skipif(BACKEND == "torch", reason="PyTorch compiles by another option")
def test_training_compiled_is_training_step_by_step():
    images, ids = NOISE.random((24, 6, 6, 1), "float32"), np.arange(24) % 3
    losses = []
    for options in ({"run_eagerly": True}, {"jit_compile": True}):
        keras.utils.set_random_seed(0)
        model = AlignMixup(convolutional(), iterations=ITERATIONS, seed=1)
        model.compile("sgd", LOSS, **options)
        losses.append(model.fit(images, ids, batch_size=8, epochs=2, verbose=0).history["loss"])
    np.testing.assert_allclose(*losses, rtol=1e-5)


def test_a_classifier_learns():
    keras.utils.set_random_seed(0)
    ids = np.arange(60) % 3
    images = NOISE.normal(size=(60, 6, 6, 1)).astype("float32")
    images[np.arange(60), :, ids, 0] += 3
    model = AlignMixup(convolutional(), iterations=ITERATIONS, rate=0.8)
    model.compile(keras.optimizers.Adam(0.02), LOSS)
    losses = model.fit(images, ids, batch_size=20, epochs=15, verbose=0).history["loss"]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]


def masked():
    return keras.Sequential(
        [
            keras.Input((5, 3)),
            layers.Masking(),
            layers.GRU(4, return_sequences=True, name="steps"),
            layers.GRU(3, activation="softmax"),
        ]
    )


def of_positions():
    return keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            layers.Conv2D(4, 1, name="last"),
            layers.Conv2D(3, 1, activation="softmax"),
        ]
    )


@keras.saving.register_keras_serializable(package="test_align_mixup")
class Unknown(keras.Model):
    """Keras knows no graph of it."""

    def call(self, inputs):
        return inputs


def dense():
    return keras.Sequential([keras.Input((6,)), layers.Dense(4, name="last"), layers.Softmax()])


@pytest.mark.parametrize(
    ("make", "options", "match"),
    [
        (dense, {}, r"feature maps.*Received: 'sequential\w*', which has none.*Name one"),
        (Unknown, {}, "of unknown graph. Name one: mix_at="),
        (convolutional, {"mix_at": ["input"]}, r"must be a layer.*mix_at=\['input'\]"),
        (convolutional, {"epsilon": 0}, "`epsilon` must be a finite number above 0"),
        (convolutional, {"iterations": 0}, "`iterations` must be an integer of at least 1"),
        (convolutional, {"data_format": "NHWC"}, "`data_format` must be one of"),
    ],
)
def test_bad_arguments_are_refused(make, options, match):
    with pytest.raises(ValueError, match=match) as caught:
        AlignMixup(make(), **options)
    assert str(caught.value).startswith("AlignMixup")


@pytest.mark.parametrize(
    ("make", "x", "y", "options", "match"),
    [
        (dense, (4, 6), (4,), {"mix_at": ["last"]}, "feature maps of known size.*before the pool"),
        (masked, (4, 5, 3), (4,), {}, "`steps` must have no mask.*Use ManifoldMixup"),
        (of_positions, (4, 6, 6, 1), (4, 6, 6), {}, "predictions must be .* of whole samples"),
    ],
)
def test_bad_data_are_refused(make, x, y, options, match):
    model = AlignMixup(make(), **options)
    model.compile("sgd", LOSS, run_eagerly=True)
    with pytest.raises(ValueError, match=match) as caught:
        model.train_on_batch(np.ones(x, "float32"), np.ones(y, "int32"))
    assert str(caught.value).startswith("AlignMixup: ")


def test_config_round_trip():
    options = {"epsilon": 0.5, "iterations": 7, "data_format": "channels_last"}
    model = AlignMixup(convolutional(), mix_at=["last"], alpha=0.4, per="sample", seed=1, **options)
    again = AlignMixup.from_config(model.get_config())
    assert again.mix_points == ["last"]
    assert (
        again.get_config().items() >= {**options, "alpha": 0.4, "per": "sample", "seed": 1}.items()
    )
