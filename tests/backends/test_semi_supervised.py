"""Semi-supervised models train, are saved and go on, on every backend."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_mix.models import CutMixConsistency, InterpolationConsistency, MixMatch

pytestmark = pytest.mark.slow

JIT = False if keras.backend.backend() == "tensorflow" else "auto"
RNG = np.random.default_rng(0)
IDS = np.arange(48) % 3
# Each class has a row of its own; on one line, mixtures of two classes would look like the third.
IMAGES = RNG.normal(size=(48, 4, 4, 1)).astype("float32")
IMAGES[np.arange(48), IDS] += 3.0
WRAPPERS = {
    "mix_match": lambda base: MixMatch(
        base, augmentation=layers.GaussianNoise(0.1), unlabeled_weight=5.0, seed=1
    ),
    "ict": lambda base: InterpolationConsistency(
        base, unlabeled_weight=5.0, teacher_decay=0.5, ramp_up=0, seed=1
    ),
    "cutmix": lambda base: CutMixConsistency(base, teacher_decay=0.5, threshold=0.5, seed=1),
}


def network():
    return keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            layers.Flatten(),
            layers.Dense(8),
            layers.BatchNormalization(momentum=0.5),
            layers.Dropout(0.1),
            layers.Dense(3, activation="softmax"),
        ]
    )


def batches():
    """12 labeled images beside 16 of all, again and again."""
    while True:
        chosen = RNG.permutation(48)[:16]
        yield {"labeled": IMAGES[:12], "unlabeled": IMAGES[chosen]}, IDS[:12]


@pytest.mark.parametrize("name", WRAPPERS)
def test_models_learn_and_saved_ones_go_on(name, tmp_path):
    keras.utils.set_random_seed(3)
    model = WRAPPERS[name](network())
    model.compile(
        keras.optimizers.Adam(0.03),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=JIT,
    )
    start = model.base.get_weights()
    plain = {"validation_data": (IMAGES, IDS), "validation_batch_size": 48}
    history = model.fit(batches(), shuffle=False, steps_per_epoch=30, verbose=0, **plain).history
    assert set(history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert history["val_accuracy"][-1] > 0.8
    assert len(model.trainable_variables) == len(model.base.trainable_variables)
    moved = model.base.get_weights()
    assert all(np.isfinite(each).all() for each in moved)
    used = getattr(model, "teacher", model.base)
    predictions = keras.ops.convert_to_numpy(used(IMAGES, training=False))
    np.testing.assert_allclose(model.predict(IMAGES, verbose=0), predictions, rtol=1e-5)
    if used is not model.base:
        away, near = (
            np.concatenate([np.ravel(new - old) for new, old in zip(moved, others, strict=True)])
            for others in (start, used.get_weights())
        )
        # The teacher is behind the model, and nearer to it than its start.
        assert 0 < np.abs(near).mean() < np.abs(away).mean()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    again = keras.ops.convert_to_numpy(loaded(IMAGES, training=False))
    np.testing.assert_allclose(again, predictions, rtol=1e-5)
    more = loaded.fit(batches(), shuffle=False, steps_per_epoch=2, verbose=0).history
    assert np.isfinite(more["loss"]).all()
    assert int(loaded._steps) == 32


def test_a_teacher_begins_with_all_state_of_the_model():
    adapted = layers.Normalization()
    adapted.adapt(IMAGES * 9.0 + 4.0)
    inner = keras.Sequential([keras.Input((4, 4, 1)), adapted])
    base = keras.Sequential(
        [keras.Input((4, 4, 1)), inner, layers.Flatten(), layers.Dense(3, activation="softmax")]
    )
    teacher = InterpolationConsistency(base).teacher
    outputs = (keras.ops.convert_to_numpy(each(IMAGES, training=False)) for each in (teacher, base))
    np.testing.assert_allclose(*outputs, rtol=1e-6)


def values_are_checked():
    """Whether the backend refuses ids that are out of range."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return not tf.config.list_physical_devices("GPU")
    if keras.backend.backend() == "torch":
        import torch

        if torch.cuda.is_available():
            pytest.skip("PyTorch stops at such ids on a GPU, which nothing can use afterwards")
        return True
    return False


@pytest.mark.parametrize("wrong", [3, -1, 1.5])
def test_ids_that_are_no_class_are_never_a_perfect_prediction(wrong):
    model = MixMatch(network(), seed=1)
    model.compile("sgd", "sparse_categorical_crossentropy", jit_compile=JIT)
    y = np.full(4, wrong)
    if wrong == 1.5 or not values_are_checked():
        assert np.isnan(model.test_on_batch(IMAGES[:4], y))
        return
    # The backends' own errors.
    with pytest.raises(Exception, match=f"{wrong} (is|which is) out"):
        model.test_on_batch(IMAGES[:4], y)


def test_after_a_step_the_teacher_has_it():
    base = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="softmax")])
    model = InterpolationConsistency(base, ramp_up=0, seed=1)
    model.compile(keras.optimizers.SGD(1.0), "sparse_categorical_crossentropy", jit_compile=JIT)
    x = RNG.normal(size=(8, 4)).astype("float32")
    expected = [weights + 0.5 for weights in base.get_weights()]
    base.set_weights(expected)
    batch = {"labeled": x, "unlabeled": x}, IDS[:8]
    for steps in (1, 2, 3):
        model.fit(*batch, batch_size=8, validation_data=(x, IDS[:8]), shuffle=False, verbose=0)
        kept = (1 + steps) / (10 + steps)
        now = base.get_weights()
        expected = [kept * old + (1 - kept) * new for old, new in zip(expected, now, strict=True)]
        assert not np.allclose(expected[0], now[0], atol=1e-4)
        for found, right in zip(model.teacher.get_weights(), expected, strict=True):
            np.testing.assert_allclose(found, right, rtol=1e-4, atol=1e-6)
