"""Files hold no code that loading would run: what wraps other layers keeps Keras's safe mode."""

import keras
import pytest

from keras_mix import losses, metrics, models


def with_code():
    return keras.layers.Lambda(lambda x: x + 0, output_shape=(4,))


def base():
    return keras.Sequential(
        [keras.Input((4,)), with_code(), keras.layers.Dense(2, "softmax", name="head")]
    )


def student():
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, "softmax")])


MAKE = {
    "MixingModel": lambda: models.MixingModel(base()),
    "ManifoldMixup": lambda: models.ManifoldMixup(base(), mix_at=["head"]),
    "RegMixup": lambda: models.RegMixup(base()),
    "Distillation, its teacher": lambda: models.Distillation(student(), teacher=base()),
    "MixMatch, its augmentation": lambda: models.MixMatch(student(), augmentation=with_code()),
    "TestTimeAugmentation": lambda: models.TestTimeAugmentation(
        base(), augmentations=[with_code()]
    ),
    "MixedLoss": lambda: losses.MixedLoss(lambda y, p: p),
    "MixedMetric": lambda: metrics.MixedMetric(keras.metrics.MeanMetricWrapper(lambda y, p: p)),
}


@pytest.mark.filterwarnings("ignore:The object being serialized includes a `lambda`:UserWarning")
@pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)
def test_code_in_a_config_is_refused(make):
    config = keras.saving.serialize_keras_object(make())
    with pytest.raises(ValueError, match="lambda"):
        keras.saving.deserialize_keras_object(config)


def test_code_in_a_saved_wrapper_is_refused(tmp_path):
    model = models.MixingModel(base())
    model.save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match="lambda"):
        keras.models.load_model(tmp_path / "model.keras")
