"""Training through the wrappers: every engine of Keras, and what is left of the base."""

import keras
import numpy as np
import pytest
from three_classes import IDS, X, compiled, network

from keras_mix.losses import MixedLoss
from keras_mix.models import ManifoldMixup, MixingModel

pytestmark = pytest.mark.slow


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


def test_a_wrapper_trains_outermost_only():
    inner = MixingModel(network())
    outer = compiled(keras.Sequential([keras.Input((8,)), inner]))
    outer.predict(X, verbose=0)
    with pytest.raises(ValueError, match="must be the outermost model in training"):
        outer.fit(X, IDS, verbose=0)


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


@pytest.mark.parametrize("heads", [False, True])
@pytest.mark.parametrize(
    ("loss", "way_out"),
    [
        (MixedLoss("sparse_categorical_crossentropy"), "'sparse_categorical_crossentropy'"),
        (
            MixedLoss(keras.losses.CategoricalCrossentropy(), class_weight={0: 2.0}),
            "'CategoricalCrossentropy', and its `class_weight` to `fit`",
        ),
    ],
)
def test_a_loss_of_packed_targets_is_answered_with_its_base_loss(heads, loss, way_out):
    model = MixingModel(network())
    with pytest.raises(ValueError, match=rf"Received: a MixedLoss\. .* base loss, {way_out}\.$"):
        model.compile("sgd", {"head": loss} if heads else loss)


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
