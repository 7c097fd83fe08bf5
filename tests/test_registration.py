"""Whatever Keras saves of this package loads in a new process, after `import keras_mix` alone."""

import importlib
import inspect
import pkgutil

import keras
import pytest
from fresh import output_here, output_of

import keras_mix
from keras_mix import _registration
from keras_mix.layers._class_modules import SAVED

pytestmark = pytest.mark.slow

SAVE = """
import json, pathlib, sys
import keras, numpy as np
import keras_mix
from keras_mix import calibration, label_rules, layers, losses, metrics, models, pairings, recipes
from keras_mix.layers._class_modules import SAVED

folder = pathlib.Path(sys.argv[1])

def base(*before):
    return keras.Sequential([
        keras.Input((8, 8, 1)), *before, keras.layers.Flatten(),
        keras.layers.Dense(6, activation="relu"), layers.MixPoint(),
        keras.layers.Dense(4, activation="softmax"),
    ])

image, sound = keras.Input((6,), name="image"), keras.Input((6,), name="sound")
kept = layers.ModalityDropout({"image": 0.2, "sound": 0.2}, learned_tokens=True)(
    {"image": image, "sound": sound})
crossed = layers.FeatureMix()([kept["image"], kept["sound"]])
sparse = "sparse_categorical_crossentropy"
mixers = [layers.CutMix(0.5), layers.RandomChoice([layers.MixUp(), layers.FMix()])]
saved = {
    "mixing": (models.MixingModel(base(keras.layers.ReLU(name="map")), mixer=mixers,
                                  mix_at=["input"], weigh_labels=models.FeatureWeights("map")),
               {"loss": sparse}),
    "manifold": (models.ManifoldMixup(base(), mix_at=["input", 1], mixer=layers.MixUp(0.5)),
                 {"loss": sparse, "metrics": ["accuracy"]}),
    "blend": (models.ManifoldMixup(base()), {"loss": sparse}),
    "taught": (models.Distillation(base(), teacher=base(), mix_at=["input"]), {"loss": sparse}),
    "views": (models.TestTimeAugmentation(base(), augmentations=[None, layers.Cutout(2)]),
              {"loss": sparse}),
    "matched": (models.MixMatch(base(), augmentation=layers.Cutout(2)), {"loss": sparse}),
    "interpolated": (models.InterpolationConsistency(base()), {"loss": sparse}),
    "cut": (models.CutMixConsistency(base()), {"loss": sparse}),
    "regularized": (models.RegMixup(base(), eta=0.5), {"loss": sparse}),
    "recipe": (models.MixingModel(base(), mixer=recipes.rsb(), mix_at=["input"]),
               {"loss": losses.ThresholdedBinaryCrossentropy(threshold=0.1)}),
    "aligned": (models.AlignMixup(keras.Sequential([
        keras.Input((8, 8, 1)), layers.MixStyle(), keras.layers.Conv2D(4, 1),
        keras.layers.GlobalAveragePooling2D(), keras.layers.Softmax()])), {"loss": sparse}),
    "packed": (base(), {"loss": losses.MixedLoss(sparse),
                        "metrics": [metrics.MixedMetric("sparse_categorical_accuracy")]}),
    "erased": (base(layers.Cutout(4)), {"loss": sparse}),
    "pair": (keras.Model([image, sound], keras.ops.stack(crossed, axis=1)), {
        "loss": losses.CrossModalConsistencyLoss(), "metrics": [metrics.RecallAtK(1)]}),
}
for name, (model, options) in saved.items():
    model.compile("sgd", **options)
    model.save(folder / f"{name}.keras")

whole = layers.CutMix(0.5)
rule = label_rules.Remix([9, 1])
own = {"RandomApply": {"mixer": whole},
       "RandomChoice": {"mixers": [whole, layers.FMix(decay=2.0)]},
       "CrossModalMix": {"cuts": {"image": layers.CutMix()}},
       "SynchronizedAugmentation": {"frames": ["image"]}}
things = [getattr(layers, name)(**own.get(name, {})) for name in SAVED]
things += [layers.BoundingBoxOptions("xyxy", max_boxes=3), layers.SequenceOptions(padding_id=0),
           layers.MixUp(label_rule=rule, num_classes=2), rule, pairings.InOrder(),
           layers.CutMix(pairing=pairings.ByClass("different"), num_classes=4),
           pairings.ByClass("rare"), pairings.ByLabel(0.5), losses.MixedLoss("mse"),
           losses.DecoupleMixLoss(eta=0.3), losses.CrossModalConsistencyLoss("cosine"),
           losses.ThresholdedBinaryCrossentropy(pos_weight=[1, 2]),
           metrics.MixedMetric("accuracy"),
           models.AttentionWeights("a/b", class_token=3, grid=(2, 7), trust="progressive"),
           metrics.RecallAtK(2), metrics.AURC(), metrics.BrierScore(),
           metrics.ExpectedCalibrationError(10, strategy="mass", norm="max"),
           metrics.NegativeLogLikelihood(from_logits=True), metrics.OverconfidenceError(7),
           metrics.OutOfDistributionAUROC("entropy"), metrics.SignedCalibrationGap(),
           calibration.TemperatureScaling(from_logits=True), calibration.VectorScaling()]
(folder / "things.json").write_text(json.dumps(
    [keras.saving.serialize_keras_object(thing) for thing in things]))
print(json.dumps(len(things)))
"""

LOAD = """
import json, pathlib, sys
import keras_mix
import keras

folder = pathlib.Path(sys.argv[1])
known = sorted(name for name in keras.saving.get_custom_objects() if name.startswith("keras_mix>"))
models = {path.stem: keras.models.load_model(path) for path in sorted(folder.glob("*.keras"))}
things = json.loads((folder / "things.json").read_text())
again = [keras.saving.serialize_keras_object(keras.saving.deserialize_keras_object(thing))
         for thing in things]

import numpy as np
x, ids = np.random.rand(4, 8, 8, 1).astype("float32"), np.arange(4)
packed = np.stack([np.stack([ids, ids[::-1]], 1), np.full((4, 2), 0.5)], 1).astype("float32")
batches = {"packed": (x, packed), "pair": ([x[:, 0, :6, 0], x[:, 1, :6, 0]], ids)}
batches |= dict.fromkeys(
    ["matched", "interpolated", "cut"], ({"labeled": x, "unlabeled": x[:3]}, ids))
for model in models.values():
    model.run_eagerly = True
losses = {
    name: model.train_on_batch(*batches.get(name, (x, ids)), return_dict=True)["loss"]
    for name, model in models.items() if name != "pair"
}
losses["pair"] = models["pair"].evaluate(*batches["pair"], verbose=0)[0]
clone = keras.models.clone_model(models["erased"])
print(json.dumps({
    "known": known, "equal": again == things, "finite": bool(np.isfinite([*losses.values()]).all()),
    "names": sorted(losses), "mixers": repr(models["mixing"].choices),
    "erases": type(clone.layers[0]).__name__,
}))
"""


def classes_that_keras_saves():
    """The names and modules of all classes in the package that are registered with Keras."""
    found = {}
    for module in pkgutil.walk_packages(keras_mix.__path__, "keras_mix."):
        if module.name == "keras_mix.__main__":
            continue
        for _, value in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            package, _, name = keras.saving.get_registered_name(value).partition(">")
            if package == "keras_mix":
                found[name] = value.__module__
    return found


def test_every_class_that_keras_saves_is_registered_by_the_package():
    listed = {name: f"keras_mix.{module}" for name, module in _registration.MODULES.items()}
    assert classes_that_keras_saves() == listed
    for name in listed:
        assert isinstance(keras.saving.get_registered_object(f"keras_mix>{name}"), type)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    count = output_here(SAVE, folder)
    assert count > len(SAVED)
    return output_of(LOAD, folder)


def test_all_classes_are_known_after_the_import_of_the_package(loaded):
    assert loaded["known"] == sorted(f"keras_mix>{name}" for name in _registration.MODULES)


def test_objects_load_as_they_were_saved(loaded):
    assert loaded["equal"]


def test_models_load_and_train_on(loaded):
    known = (
        "aligned blend cut erased interpolated manifold matched mixing packed pair recipe "
        "regularized taught views"
    )
    assert loaded["names"] == known.split()
    assert loaded["finite"]
    assert "CutMix" in loaded["mixers"]
    assert loaded["erases"] == "Cutout"
