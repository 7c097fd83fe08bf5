"""Recipes, of `keras_mix.models` too, on the backend of Keras that KERAS_BACKEND names."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_mix import recipes
from keras_mix.losses import DecoupleMixLoss, ThresholdedBinaryCrossentropy
from keras_mix.models import Distillation, MixingModel, RegMixup, TestTimeAugmentation

pytestmark = pytest.mark.slow

BACKEND = keras.backend.backend()
CLASSES, BATCH = 3, 16
SPARSE = keras.losses.SparseCategoricalCrossentropy
IDS = np.arange(BATCH) % CLASSES
X = np.random.default_rng(0).standard_normal((BATCH, 8)).astype("float32") + IDS[:, None] - 1.0
# Keras compiles no PyTorch, and the other tests of models compile on TensorFlow.
JIT = BACKEND == "jax"


def network(*inner):
    return keras.Sequential(
        [
            keras.Input((8,)),
            layers.Dense(16, activation="relu", name="hidden"),
            *inner,
            layers.Dense(CLASSES, activation="softmax"),
        ]
    )


def compiled(model, rate=0.0, **options):
    optimizer = keras.optimizers.SGD(rate)
    model.compile(optimizer, SPARSE(), metrics=["accuracy"], jit_compile=JIT, **options)
    return model


def loss_of(model):
    return compiled(model).train_on_batch(X, IDS, return_dict=True)["loss"]


def test_recipes_of_mixers_train_in_the_step():
    """MixUp or CutMix, one of them for each batch, under the loss of the recipe."""
    images = np.eye(CLASSES, dtype="float32")[IDS][:, None, None] * np.ones((BATCH, 4, 4, 3), "f4")
    inner = [keras.Input((4, 4, 3)), layers.Flatten(), layers.Dense(CLASSES)]
    model = MixingModel(keras.Sequential(inner), mixer=recipes.rsb())
    loss = ThresholdedBinaryCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(1.0), loss, jit_compile=JIT)
    losses = model.fit(images, IDS, epochs=8, verbose=0).history["loss"]
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize("mix_at", [["input"], ["input", "hidden"]], ids=str)
def test_regmixup_adds_the_loss_of_mixtures_to_that_of_the_batch(mix_at):
    """Equal seeds draw equal plans."""
    base = network()
    options = {"mix_at": mix_at, "alpha": 20.0, "per": "batch", "seed": 4}
    clean, mixed = loss_of(base), loss_of(MixingModel(base, **options))
    assert loss_of(RegMixup(base, eta=0.5, **options)) == pytest.approx(
        clean + 0.5 * mixed, rel=1e-5
    )
    assert mixed > clean + 1e-3 or mixed < clean - 1e-3


def test_regmixup_learns_saves_and_goes_on(tmp_path):
    base = network(layers.BatchNormalization(momentum=0.5), layers.Dropout(0.1))
    model = compiled(RegMixup(base), rate=0.2)
    losses = model.fit(X, IDS, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < 0.8 * losses[0]
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), base.predict(X, verbose=0))
    more = loaded.fit(X, IDS, verbose=0).history["loss"]
    assert more[0] < 0.8 * losses[0]


def test_distillation_leads_the_student_to_the_teacher(tmp_path):
    teacher = network(layers.BatchNormalization(momentum=0.5), layers.Dropout(0.5))
    compiled(teacher, rate=0.5).fit(X, IDS, epochs=3, verbose=0)
    before = teacher.get_weights()
    model = compiled(Distillation(network(), teacher=teacher, teacher_weight=0.9), rate=0.5)
    losses = model.fit(X, IDS, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < 0.8 * losses[0]
    for old, new in zip(before, teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), model.base.predict(X, verbose=0))
    assert loaded.fit(X, IDS, verbose=0).history["loss"][0] < 0.8 * losses[0]


def test_the_divergence_is_that_of_unmixed_inputs_without_mixing():
    student, teacher = network(), network()
    found = loss_of(Distillation(student, teacher=teacher, alpha=0.0))
    p, q = (each.predict(X, verbose=0).astype("float64") for each in (teacher, student))
    assert found == pytest.approx((p * np.log(p / q)).sum(axis=1).mean(), rel=1e-4)


@keras.saving.register_keras_serializable(package="test_recipes")
def negated(x):
    return -x


def test_predictions_are_the_mean_over_views_and_repeat_themselves(tmp_path):
    base = network()
    views = [None, negated, layers.GaussianNoise(0.5)]
    model = compiled(TestTimeAugmentation(base, augmentations=views, n=2, seed=1))
    first = model.predict(X, verbose=0)
    np.testing.assert_array_equal(model.predict(X, verbose=0), first)
    still = compiled(TestTimeAugmentation(base, augmentations=views[:2]))
    expected = (base.predict(X, verbose=0) + base.predict(-X, verbose=0)) / 2
    np.testing.assert_allclose(still.predict(X, verbose=0), expected, rtol=1e-5)
    assert still.evaluate(X, IDS, verbose=0)[0] == pytest.approx(
        -np.log(expected[np.arange(BATCH), IDS]).mean(), rel=1e-5
    )
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), first)
    assert np.isfinite(loaded.fit(X, IDS, verbose=0).history["loss"]).all()


def test_decoupled_losses_are_of_the_labels_that_a_model_mixes():
    base = network()
    options = {"per": "batch", "alpha": 1.0, "seed": 4}
    by_eta = []
    for eta in (0.0, 0.5, 1.0):
        model = MixingModel(base, **options)
        model.compile(keras.optimizers.SGD(0.0), DecoupleMixLoss(eta=eta), jit_compile=JIT)
        by_eta.append(model.train_on_batch(X, IDS))
    # Linear in eta, from the cross-entropy on.
    assert by_eta[0] == pytest.approx(loss_of(MixingModel(base, **options)), rel=1e-5)
    assert by_eta[1] - by_eta[0] == pytest.approx(by_eta[2] - by_eta[1], rel=1e-3)
    assert by_eta[1] > by_eta[0]


def test_masks_penalties_and_sizes_of_views_count_as_those_of_the_base():
    base = keras.Sequential(
        [
            keras.Input((5,), dtype="int32"),
            layers.Embedding(7, 4, mask_zero=True),
            layers.Dense(CLASSES, "softmax", activity_regularizer="l2"),
        ]
    )
    tokens = np.array([[1, 2, 3, 0, 0], [4, 5, 0, 0, 0], [1, 6, 2, 3, 4]])
    steps = tokens % CLASSES
    expected = compiled(base).evaluate(tokens, steps, verbose=0)
    for views, x in (([None, None], tokens), ([first_five], np.tile(tokens, (1, 2)))):
        model = compiled(TestTimeAugmentation(base, augmentations=views))
        assert model.evaluate(x, steps, verbose=0) == pytest.approx(expected, rel=1e-5)


@keras.saving.register_keras_serializable(package="test_recipes")
def first_five(x):
    return x[:, :5]


def test_distillation_needs_labels_only_where_they_are_read():
    student, teacher = network(), network()
    start = student.get_weights()
    changes = []
    for y in (IDS, None):
        student.set_weights(start)
        model = Distillation(student, teacher=teacher, seed=1)
        model.compile(keras.optimizers.SGD(0.5), SPARSE(), jit_compile=JIT)
        loss = model.fit(X, y, batch_size=BATCH, shuffle=False, verbose=0).history["loss"]
        changes.append([*loss, student.get_weights()[0]])
    for found, expected in zip(*changes, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    with pytest.raises(ValueError, match="Distillation: there must be labels for the metrics"):
        compiled(model).fit(X, batch_size=BATCH, verbose=0)
    model = Distillation(student, teacher=teacher, teacher_weight=0.9)
    model.compile("sgd", SPARSE(), jit_compile=JIT)
    with pytest.raises(ValueError, match="Distillation: there must be labels to mix"):
        model.fit(X, batch_size=BATCH, verbose=0)
