"""What needs no TensorFlow loads in a new process after `import keras_mix`, on any backend."""

import keras
import pytest
from fresh import output_here, output_of

pytestmark = pytest.mark.slow

if keras.backend.backend() == "tensorflow":
    pytest.skip("tests/test_registration.py is that of TensorFlow", allow_module_level=True)

SAVE = """
import pathlib, sys
import keras
from keras_mix import layers, losses, metrics, models

folder = pathlib.Path(sys.argv[1])

def base():
    return keras.Sequential([
        keras.Input((6,)), keras.layers.Dense(6, activation="relu"), layers.MixPoint(),
        keras.layers.Dense(4, activation="softmax"),
    ])

def of_maps():
    return keras.Sequential([
        keras.Input((6,)), keras.layers.Reshape((2, 3, 1), name="pixels"),
        layers.MixStyle(pairing="halves"),
        keras.layers.Conv2D(4, 1, name="last"), keras.layers.GlobalAveragePooling2D(),
        keras.layers.Softmax(),
    ])

first, second = keras.Input((6,)), keras.Input((6,))
kept = layers.ModalityDropout([0.2, 0.2])([first, second])
sparse = "sparse_categorical_crossentropy"
saved = {
    "mixing": (models.MixingModel(base(), mix_at=["input"]), {"loss": sparse}),
    "weighed": (models.MixingModel(of_maps(), mixer=layers.CutMix(), mix_at=["pixels"],
                                   weigh_labels=models.FeatureWeights("last")), {"loss": sparse}),
    "manifold": (models.ManifoldMixup(base()), {"loss": sparse}),
    "decoupled": (base(), {"loss": losses.DecoupleMixLoss(eta=0.2)}),
    "matched": (models.MixMatch(base()), {"loss": sparse}),
    "interpolated": (models.InterpolationConsistency(base()), {"loss": sparse}),
    "regularized": (models.RegMixup(base(), eta=0.5), {"loss": sparse}),
    "taught": (models.Distillation(base(), teacher=base(), mix_at=["input"]), {"loss": sparse}),
    "views": (models.TestTimeAugmentation(base(), augmentations=[None]), {"loss": sparse}),
    "aligned": (models.AlignMixup(of_maps(), iterations=5), {"loss": sparse}),
    "packed": (base(), {"loss": losses.MixedLoss(sparse),
                        "metrics": [metrics.MixedMetric("sparse_categorical_accuracy")]}),
    "pair": (keras.Model([first, second], keras.ops.stack(layers.FeatureMix()(kept), axis=1)), {
        "loss": losses.CrossModalConsistencyLoss(), "metrics": [metrics.RecallAtK(1)]}),
}
for name, (model, options) in saved.items():
    model.compile("sgd", **options)
    model.save(folder / f"{name}.keras")
print(len(saved))
"""

LOAD = """
import json, pathlib, sys
import keras_mix
import keras
import numpy as np

folder = pathlib.Path(sys.argv[1])
x, ids = np.random.rand(4, 6).astype("float32"), np.arange(4)
packed = np.stack([np.stack([ids, ids[::-1]], 1), np.full((4, 2), 0.5)], 1).astype("float32")

def trained(path):
    model = keras.models.load_model(path)
    model.run_eagerly = True
    y = packed if path.stem == "packed" else ids
    pair = {"labeled": x, "unlabeled": x[:3]}
    batch = pair if path.stem in ("matched", "interpolated") else x
    return model.train_on_batch(batch, y, return_dict=True)["loss"]

paths = {path.stem: path for path in sorted(folder.glob("*.keras"))}
pair, interpolated, weighed = (paths.pop(name) for name in ("pair", "interpolated", "weighed"))
losses = {name: trained(path) for name, path in paths.items()}
losses["pair"] = keras.models.load_model(pair).evaluate([x, x[::-1]], ids, verbose=0)[0]
without = "tensorflow" not in sys.modules
# Its teacher is a clone, and Keras's `clone_model` imports TensorFlow where it is installed.
losses["interpolated"] = trained(interpolated)
# Its mixer makes TensorFlow be imported where it is installed.
losses["weighed"] = trained(weighed)
config = {"alpha": 0.5}
mixer = {"class_name": "MixUp", "registered_name": "keras_mix>MixUp", "module": None,
         "config": config}
try:
    loaded = keras.saving.deserialize_keras_object(mixer).alpha
except ModuleNotFoundError as error:
    loaded = str(error)
print(json.dumps({"names": sorted(losses), "finite": bool(np.isfinite([*losses.values()]).all()),
                  "without": without, "mixer": loaded}))
"""


def test_models_load_in_a_new_process_without_tensorflow(tmp_path):
    backend = {"KERAS_BACKEND": keras.backend.backend()}
    assert output_here(SAVE, tmp_path) == 12
    loaded = output_of(LOAD, tmp_path, **backend)
    names = "aligned decoupled interpolated manifold matched mixing packed pair regularized taught"
    assert loaded["names"] == [*names.split(), "views", "weighed"]
    assert loaded["finite"]
    assert loaded["without"]
    assert loaded["mixer"] == 0.5
