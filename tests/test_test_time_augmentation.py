"""TestTimeAugmentation: the mean of a model's outputs over views of each input."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_mix.layers import CutMix, Cutout
from keras_mix.models import MixingModel, TestTimeAugmentation

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 8, 8, 2)).astype("float32")
IDS = np.arange(6) % 3


@keras.saving.register_keras_serializable(package="test")
def flipped(x):
    return x[:, :, ::-1]


def network(activation="softmax", units=3):
    return keras.Sequential(
        [
            keras.Input((8, 8, 2)),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(units, activation),
        ]
    )


def views_of(base):
    return [base.predict(x, verbose=0).astype("float64") for x in (X, X[:, :, ::-1], 2 * X)]


def geometric(views):
    """The geometric mean of each class, scaled to sum to 1, sample by sample."""
    means = []
    for sample in zip(*views, strict=True):
        product = np.prod(np.stack(sample), axis=0) ** (1 / len(sample))
        means.append(product / product.sum())
    return np.array(means)


@pytest.mark.parametrize("compiles", [False, True], ids=["", "XLA"])
def test_it_predicts_and_evaluates_the_mean_of_the_views(compiles):
    base = network()
    model = TestTimeAugmentation(base, augmentations=[None, flipped, keras.layers.Rescaling(2.0)])
    model.compile(
        "sgd", "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=compiles
    )
    expected = np.mean(views_of(base), axis=0)
    np.testing.assert_allclose(model.predict(X, verbose=0), expected, rtol=1e-5)
    np.testing.assert_allclose(model(X), expected, rtol=1e-5)
    loss, accuracy = model.evaluate(X, IDS, verbose=0)
    assert loss == pytest.approx(-np.log(expected[np.arange(6), IDS]).mean(), rel=1e-5)
    assert accuracy == pytest.approx((expected.argmax(1) == IDS).mean())


@pytest.mark.parametrize("units", [3, 1])
def test_the_geometric_mean_is_that_of_probabilities(units):
    base = network("sigmoid" if units == 1 else "softmax", units)
    augmentations = [None, flipped, keras.layers.Rescaling(2.0)]
    model = TestTimeAugmentation(base, augmentations=augmentations, aggregate="geometric_mean")
    views = views_of(base)
    if units == 1:
        views = [np.concatenate([p, 1 - p], axis=1) for p in views]
    found = model.predict(X, verbose=0)
    np.testing.assert_allclose(found, geometric(views)[:, :units], rtol=1e-4)


def test_the_geometric_mean_of_several_labels_is_one_of_each():
    """Each label is there or not: p and 1 - p are what sums to 1."""
    base = network("sigmoid")
    outer = keras.Sequential([keras.Input((8, 8, 2)), base])
    for nested in (base, outer):
        augmentations = [None, flipped, keras.layers.Rescaling(2.0)]
        model = TestTimeAugmentation(
            nested, augmentations=augmentations, aggregate="geometric_mean"
        )
        there = np.prod(views_of(base), axis=0) ** (1 / 3)
        absent = np.prod(1 - np.array(views_of(base)), axis=0) ** (1 / 3)
        found = model.predict(X, verbose=0)
        np.testing.assert_allclose(found, there / (there + absent), rtol=1e-4)


def test_logits_have_no_geometric_mean():
    base = network(activation=None)
    options = {"augmentations": [None], "aggregate": "geometric_mean"}
    built_later = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(3, name="scores")])
    later = TestTimeAugmentation(built_later, **options)
    built_later.build((None, 8, 8, 2))
    nested = keras.Sequential([keras.Input((8, 8, 2)), base])
    for call in (
        lambda: TestTimeAugmentation(base, **options),
        lambda: TestTimeAugmentation(nested, **options),
        lambda: later(X),
    ):
        with pytest.raises(ValueError, match=r"^TestTimeAugmentation: the geometric mean is one"):
            call()


def test_the_mean_of_logits_amounts_to_the_geometric_mean_of_probabilities():
    base = network(activation=None)
    probabilities = keras.Sequential([base, keras.layers.Softmax()])
    probabilities.build((None, 8, 8, 2))
    options = {"augmentations": [None, flipped]}
    logits = TestTimeAugmentation(base, **options).predict(X, verbose=0)
    geometric_mean = TestTimeAugmentation(probabilities, aggregate="geometric_mean", **options)
    found = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(found, geometric_mean.predict(X, verbose=0), rtol=1e-4)


def test_outputs_that_follow_the_pixels_are_turned_back():
    inputs = keras.Input((8, 8, 2))
    mask = keras.layers.Conv2D(1, 3, padding="same", name="mask")(inputs)
    base = keras.Model(inputs, {"mask": mask})
    model = TestTimeAugmentation(
        base, augmentations=[None, (flipped, lambda out: {"mask": flipped(out["mask"])})]
    )
    own, turned = (base.predict(x, verbose=0)["mask"] for x in (X, X[:, :, ::-1]))
    expected = (own + turned[:, :, ::-1]) / 2
    np.testing.assert_allclose(model.predict(X, verbose=0)["mask"], expected, rtol=1e-4, atol=1e-6)


def test_a_seed_repeats_the_views_and_none_draws_anew():
    # Of logits, so that the mean over views has no bias.
    base, noise = network(activation=None), keras.layers.GaussianNoise(1.0)

    def predict(model):
        return model.predict(X, verbose=0)

    model = TestTimeAugmentation(base, augmentations=[noise], n=3, seed=1)
    first = predict(model)
    np.testing.assert_array_equal(predict(model), first)
    fresh = TestTimeAugmentation(base, augmentations=[keras.layers.GaussianNoise(1.0)], n=3, seed=1)
    np.testing.assert_array_equal(predict(fresh), first)
    other = TestTimeAugmentation(base, augmentations=[noise], n=3, seed=2)
    assert not np.allclose(predict(other), first)
    free = TestTimeAugmentation(base, augmentations=[noise])
    assert not np.allclose(predict(free), predict(free))
    # The views of one call differ: their mean is less noisy than each.
    many = TestTimeAugmentation(base, augmentations=[noise], n=16, seed=1)
    clean = predict(base)
    assert np.abs(predict(many) - clean).mean() < 0.6 * np.abs(predict(free) - clean).mean()


def test_it_counts_the_views():
    calls = []

    @keras.saving.register_keras_serializable(package="test")
    def counted(x):
        calls.append("function")
        return x

    base = network()
    model = TestTimeAugmentation(
        base, augmentations=[None, counted, keras.layers.Rescaling(0.0)], n=4
    )
    own, nothing = (base.predict(x, verbose=0) for x in (X, 0 * X))
    np.testing.assert_allclose(model(X), (5 * own + nothing) / 6, rtol=1e-5)
    assert len(calls) == 4


def test_in_training_the_model_sees_the_inputs_as_they_are():
    weights = []
    for wrap in (False, True):
        keras.utils.set_random_seed(3)
        base = network()
        views = [keras.layers.Rescaling(100.0)]
        model = TestTimeAugmentation(base, augmentations=views) if wrap else base
        model.compile("sgd", "sparse_categorical_crossentropy")
        model.fit(X, IDS, epochs=2, shuffle=False, verbose=0)
        weights.append(base.get_weights())
    for plain, wrapped in zip(*weights, strict=True):
        np.testing.assert_allclose(wrapped, plain, rtol=1e-5, atol=1e-7)


def test_it_is_saved_with_its_augmentations(tmp_path):
    views = [None, flipped, (keras.layers.RandomTranslation(0.2, 0.2), None), Cutout(2)]
    model = TestTimeAugmentation(
        network(), augmentations=views, n=2, seed=5, aggregate="geometric_mean"
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(X, IDS, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert [type(each).__name__ for each in loaded.augmentations] == [
        "NoneType",
        "function",
        "RandomTranslation",
        "Cutout",
    ]
    config = loaded.get_config()
    assert (config["n"], config["seed"], config["aggregate"]) == (2, 5, "geometric_mean")
    assert np.isfinite(loaded.fit(X, IDS, verbose=0).history["loss"]).all()
    steady = TestTimeAugmentation(network(), augmentations=views[:3], n=2, seed=5)
    steady.save(tmp_path / "steady.keras")
    again = keras.models.load_model(tmp_path / "steady.keras")
    np.testing.assert_array_equal(again.predict(X, verbose=0), steady.predict(X, verbose=0))


def test_it_is_exported_with_its_views(tmp_path):
    views = [None, keras.layers.RandomFlip("horizontal")]
    model = TestTimeAugmentation(network(), augmentations=views, n=2, seed=1)
    model.export(tmp_path / "exported", verbose=False)
    exported = tf.saved_model.load(tmp_path / "exported")
    np.testing.assert_allclose(exported.serve(X), model.predict(X, verbose=0), rtol=1e-5)


def test_a_mixing_model_is_augmented_as_its_base():
    base = network()
    mixing = MixingModel(base)
    found = TestTimeAugmentation(mixing, augmentations=[None]).predict(X, verbose=0)
    np.testing.assert_array_equal(found, base.predict(X, verbose=0))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"model": "m", "augmentations": [None]}, "the base must be a Keras model"),
        ({"augmentations": []}, "must be a list of at least one layer, function or None"),
        ({"augmentations": flipped}, "must be a list of at least one layer, function or None"),
        ({"augmentations": ["flip"]}, "each of `augmentations` must be a layer, a function, None"),
        ({"augmentations": [(flipped, flipped, flipped)]}, "must be a layer, a function, None"),
        ({"augmentations": [keras.layers.RandomFlip]}, "must be an instance, not a class"),
        ({"augmentations": [CutMix()]}, "an augmentation must not mix samples"),
        ({"augmentations": [None], "n": 0}, "`n` must be an integer of at least 1"),
        ({"augmentations": [None], "n": 2}, "`n` is the number of views that a random"),
        ({"augmentations": [flipped], "seed": 1}, "`seed` fixes what Keras layers draw"),
        ({"augmentations": [None], "aggregate": "median"}, "`aggregate` must be one of"),
    ],
)
def test_what_it_refuses(options, sentence):
    model = options.pop("model", None) or network()
    with pytest.raises(ValueError, match=f"^TestTimeAugmentation: .*{sentence}"):
        TestTimeAugmentation(model, **options)


def penalized_sequences():
    """Token ids, padded by 0, to a prediction and a penalty of each step."""
    return keras.Sequential(
        [
            keras.Input((5,), dtype="int32"),
            keras.layers.Embedding(7, 4, mask_zero=True),
            keras.layers.LSTM(3, return_sequences=True, activity_regularizer="l2"),
            keras.layers.Dense(3, "softmax"),
        ]
    )


TOKENS = np.array([[1, 2, 3, 0, 0], [4, 5, 0, 0, 0], [1, 6, 2, 3, 4]])
STEPS = np.array([[0, 1, 2, 0, 0], [1, 1, 0, 0, 0], [2, 1, 0, 0, 1]])


def reversed_steps(x):
    return x[:, ::-1]


def test_masks_and_penalties_count_as_those_of_the_base():
    base = penalized_sequences()
    losses = []
    for views in (None, [None], [None, None], [None, (reversed_steps, reversed_steps)]):
        model = base if views is None else TestTimeAugmentation(base, augmentations=views)
        model.compile("sgd", "sparse_categorical_crossentropy")
        losses.append(model.evaluate(TOKENS, STEPS, verbose=0))
    assert losses[1:3] == pytest.approx([losses[0]] * 2, rel=1e-5)
    own, turned = (base.predict(x, verbose=0) for x in (TOKENS, TOKENS[:, ::-1]))
    expected = np.take_along_axis((own + turned[:, ::-1]) / 2, STEPS[..., None], axis=2)[..., 0]
    # The last model's loss is one of real steps, plus the penalty of the base as it is.
    plain = -np.log(np.take_along_axis(own, STEPS[..., None], axis=2)[..., 0])
    real = TOKENS > 0
    difference = (-np.log(expected) - plain)[real].sum() / real.sum()
    assert losses[3] - losses[0] == pytest.approx(difference, rel=1e-3, abs=1e-6)


def test_steps_that_one_view_hides_do_not_count():
    model = TestTimeAugmentation(penalized_sequences(), augmentations=[None, lambda x: x * (x < 6)])
    mask = model(TOKENS)._keras_mask
    np.testing.assert_array_equal(mask, (TOKENS > 0) & (TOKENS < 6))


def test_integers_have_no_mean():
    inputs = keras.Input((8, 8, 2))
    base = keras.Model(inputs, keras.ops.argmax(keras.layers.Flatten()(inputs), axis=-1))
    with pytest.raises(ValueError, match=r"^TestTimeAugmentation: outputs must be floats.*int32"):
        TestTimeAugmentation(base, augmentations=[None])(X)


def test_weights_of_augmentations_are_not_trained():
    base, view = network(), keras.layers.Conv2D(2, 1)
    view.build((None, 8, 8, 2))
    model = TestTimeAugmentation(base, augmentations=[view])
    ours = [id(weight) for weight in base.trainable_weights]
    assert [id(weight) for weight in model.trainable_weights] == ours
    assert [id(weight) for weight in model.trainable_variables] == ours
    assert {id(weight) for weight in view.weights} <= {id(w) for w in model.non_trainable_weights}
    assert view.trainable


def test_views_of_another_size_are_exported_for_the_inputs_predicted(tmp_path):
    model = TestTimeAugmentation(network(), augmentations=[keras.layers.CenterCrop(8, 8)])
    model.compile(loss="sparse_categorical_crossentropy")
    images = np.tile(X, (1, 2, 2, 1))
    found = model.predict(images, verbose=0)
    assert np.isfinite(model.evaluate(images, IDS, verbose=0))
    model.export(tmp_path / "exported", verbose=False)
    exported = tf.saved_model.load(tmp_path / "exported")
    np.testing.assert_allclose(exported.serve(images), found, rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: TestTimeAugmentation(network(), [None]), "only `model` can be positional"),
        (lambda: TestTimeAugmentation(network()), "`augmentations` must be given"),
        (lambda: TestTimeAugmentation(), "`model` must be given"),
        (
            lambda: TestTimeAugmentation(network(), augmentations=[None], agregate="mean"),
            "`agregate` is not an argument.*Did you mean 'aggregate'",
        ),
    ],
)
def test_wrong_arguments(call, sentence):
    with pytest.raises(ValueError, match=f"^TestTimeAugmentation: {sentence}"):
        call()
