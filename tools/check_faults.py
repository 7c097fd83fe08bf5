"""Replays faults reported by users, and compares each value with the expected one.

    python tools/check_faults.py            # every check; some three minutes
    python tools/check_faults.py A2 C       # those whose number starts with one of these

Every check builds its own small input, as in the report, so that the file is also a list of
past faults. The test suite covers the same faults by kind. Exits with 1 if a check fails.
"""

import argparse
import contextlib
import io
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf

import keras_mix

ROOT = Path(__file__).resolve().parents[1]
L = keras_mix.layers
N = 8
ONE_HOT = np.eye(N, dtype="float32")

CHECKS = {}


def check(number):
    """Registers a function that yields (what, received, right) rows."""

    def register(function):
        CHECKS[number] = function
        return function

    return register


def constants(*shape):
    """float32 (8, *shape), sample i is the constant i."""
    return (np.arange(N).reshape([-1] + [1] * len(shape)) * np.ones((1, *shape))).astype("float32")


def refusal(function, *words):
    """Returns a row's received and expected values: a refusal that contains the words."""
    try:
        result = function()
    except ValueError as error:
        message = str(error)
        ours = "Received" in message and len(message) < 1500
        missing = [word for word in words if word not in message]
        if ours and not missing:
            return "refused", "refused"
        return f"refused without {missing or 'our words'}: {message[:300]}", "refused"
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:300]}", "refused"
    return f"accepted: {str(result)[:80]!r}", "refused"


def near(received, right, tolerance=1e-5):
    """Returns a row's received and expected values, equal if within the tolerance."""
    received = float(received)
    return (right if abs(received - right) <= tolerance else received), right


def run(code, backend="tensorflow", folder=None):
    """Returns the last line that a new Python process prints, or of its error."""
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT)}
    environment["JAX_PLATFORMS"] = "cpu"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=folder, capture_output=True, text=True
    )
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    return lines[-1] if lines else ""


# Silent and wrong.

SAVE = """
import keras, keras_mix, numpy as np
L = keras_mix.layers
def base():
    return keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(),
                             keras.layers.Dense(4, activation="relu"),
                             keras.layers.Dense(3, activation="softmax")])
x, y = np.random.rand(16, 8, 8, 1).astype("float32"), np.arange(16) % 3
def keep(model, name, y=y):
    model.fit(x, y, verbose=0)
    model.save(name + ".keras")
model = keras_mix.models.MixingModel(base())
model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
keep(model, "mixing_model")
last = keras.layers.Dense(3, activation="softmax")
point = keras.Sequential([*base().layers[:2], L.MixPoint(), last])
model = keras_mix.models.ManifoldMixup(point)
model.compile("sgd", "sparse_categorical_crossentropy")
keep(model, "mix_point")
if keras.config.backend() == "tensorflow":
    model = keras_mix.models.ManifoldMixup(base(), mix_at=["input"], mixer=L.CutMix())
    model.compile("sgd", "sparse_categorical_crossentropy")
    keep(model, "manifold_mixup")
    inputs = keras.Input((8, 8, 1))
    outputs = base()(L.MixUp(inputs_only=True)(inputs))
    model = keras.Model(inputs, outputs)
    model.compile("sgd", "sparse_categorical_crossentropy")
    keep(model, "mixer_inside")
model = base()
model.compile("sgd", keras_mix.losses.MixedLoss("sparse_categorical_crossentropy"),
              metrics=[keras_mix.metrics.MixedMetric("sparse_categorical_accuracy")])
keep(model, "mixed_loss")
print("saved")
"""

LOAD = """
import glob, keras, keras_mix, numpy as np
x, y = np.random.rand(16, 8, 8, 1).astype("float32"), np.arange(16) % 3
names = sorted(glob.glob("*.keras"))
for name in names:
    keras.models.load_model(name).fit(x, y, verbose=0)
print("loaded and trained", *[name[:-6] for name in names])
"""

IMPORT_TIME = """
import time, tensorflow, keras
start = time.perf_counter()
import keras_mix
print(time.perf_counter() - start)
"""


@check("A1")
def saved_models_load_in_a_new_process():
    """Every class is registered by `import keras_mix` alone."""
    names = {
        "tensorflow": "manifold_mixup mix_point mixed_loss mixer_inside mixing_model",
        "jax": "mix_point mixed_loss mixing_model",
    }
    for backend, right in names.items():
        with tempfile.TemporaryDirectory() as folder:
            yield f"{backend}: saves", run(SAVE, backend, folder), "saved"
            loaded = run(LOAD, backend, folder)
            yield f"{backend}: loads", loaded, f"loaded and trained {right}"
    # The least of several: what else the machine does only adds to it.
    seconds = min(float(run(IMPORT_TIME)) for _ in range(5))
    yield "import keras_mix, s", seconds if seconds > 0.15 else "≤ 0.15", "≤ 0.15"
    free = run("import keras_mix, sys; print('tensorflow' in sys.modules)", "jax")
    yield "JAX: TensorFlow is imported", free, "False"


class Perfect(keras.layers.Layer):
    """Probabilities of two classes, read off the pixels 0 and 1."""

    def call(self, x):
        return keras.ops.concatenate([1 - x, x], -1)


@check("A2")
def masks_follow_the_region_in_models():
    """A perfect model of spatial targets has loss 0 on mixed batches."""
    x = np.zeros((4, 8, 8, 1), "float32")
    x[::2] = 1
    ids = x[..., 0].astype("int32")
    one_hot = np.eye(2, dtype="float32")[ids]
    sparse, dense = "sparse_categorical_crossentropy", "categorical_crossentropy"
    cases = {
        "mask": (ids, sparse, "sources"),
        "one-hot mask": (one_hot, dense, "sources"),
        "one-hot mask, mixed targets": (one_hot, dense, "mixed_targets"),
    }
    for mixer in (L.CutMix, L.FMix, L.GridMix, L.Mosaic):
        for name, (y, loss, mode) in cases.items():
            perfect = keras.Sequential([keras.Input((8, 8, 1)), Perfect()])
            mixing = mixer(pairing="reverse", seed=1)
            found = _loss(perfect, mixing, x, y, loss, mode)
            # Samples are constant, so that resized ones hold no other values than 0 and 1.
            yield f"{mixer.__name__}, {name}", *near(found, 0.0, 1e-5)
    identity = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Identity()])
    for mode in ("sources", "mixed_targets"):
        found = _loss(identity, L.CutMix(pairing="reverse", seed=1), x, x, "mse", mode)
        yield f"CutMix, autoencoder, {mode}", *near(found, 0.0)
    frames = keras.Sequential([keras.Input((8, 1)), Perfect()])
    line = L.CutMix(pairing="reverse", seed=1, spatial_dims=1)
    found = _loss(frames, line, x[:, 0], ids[:, 0], sparse, "sources")
    yield "CutMix, frames", *near(found, 0.0, 1e-5)
    inputs = keras.Input((8, 8, 1))
    heads = {"mask": Perfect()(inputs), "class": Perfect()(keras.layers.MaxPooling2D(8)(inputs))}
    heads["class"] = keras.layers.Reshape((2,))(heads["class"])
    model = keras_mix.models.MixingModel(
        keras.Model(inputs, heads), mixer=L.CutMix(pairing="reverse", seed=1)
    )
    model.compile("sgd", {"mask": sparse, "class": sparse})
    found = model.train_on_batch(x, {"mask": ids, "class": ids[:, 0, 0]}, return_dict=True)
    yield "CutMix, class and mask: the mask", *near(found["mask_loss"], 0.0, 1e-5)
    hidden = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.AveragePooling2D(2), keras.layers.UpSampling2D(2)]
    )
    hidden.add(Perfect())
    mixing = L.CutMix(pairing="reverse", seed=1)
    found = _loss(hidden, mixing, x, ids, sparse, "sources", mix_at=[0])
    yield "CutMix, a hidden layer", *near(found, 0.0, 1e-5)


def _loss(base, mixer, x, y, loss, mode, **options):
    model = keras_mix.models.MixingModel(base, mixer=mixer, loss_mode=mode, **options)
    model.compile("sgd", loss, run_eagerly=True)
    return model.train_on_batch(x, y)


@check("A3")
def the_longest_sequence_is_cut():
    """Of several inputs the one with the most time steps carries the region."""
    for name in ("age", "zage"):
        mix = L.CutMix(spatial_dims=1, seed=1)
        mixed, _ = mix(({name: constants(1), "ecg": constants(100, 2)}, ONE_HOT))
        values = np.unique(np.asarray(mixed["ecg"]) - constants(100, 2))
        yield f"ecg beside {name} is cut", len(values) > 1, True
    tie = {"a": constants(50, 2), "b": constants(50, 2), "c": constants(1)}
    mixed, _ = L.CutMix(spatial_dims=1, seed=1)((tie, ONE_HOT))
    same = np.array_equal(mixed["a"], mixed["b"])
    yield "two on one grid are cut alike", same, True


@check("A4")
def pixel_weights_follow_their_pixels():
    """Sample weights of pixels take the weight of each pixel's source."""
    x = constants(16, 16, 3)
    mask = constants(16, 16).astype("int32")
    _, masks, weights = L.CutMix(seed=1)(x, mask, constants(16, 16))
    equal = np.array_equal(np.asarray(weights), np.asarray(masks).astype("float32"))
    yield "weights equal the mask's sources", equal, True
    third = np.arange(N)
    yield "ids as weights", *refusal(lambda: L.CutMix(num_classes=N)(x, third, third))


@check("A5")
def unknown_sizes_decide_nothing():
    """A known size is compared with an unknown one at run time."""
    mix = L.CutMix(spatial_dims=1, seed=1)

    @tf.function(
        input_signature=[
            tf.TensorSpec((None, None), tf.float32),
            tf.TensorSpec((None, 1), tf.float32),
            tf.TensorSpec((None, N), tf.float32),
        ]
    )
    def padded(audio, meta, labels):
        return mix(({"audio": audio, "meta": meta}, labels))

    try:
        mixed, _ = padded(constants(20), constants(1), ONE_HOT)
        yield "meta's shape", tuple(mixed["meta"].shape), (N, 1)
    except ValueError as error:
        yield "meta's shape", "refused" if "Received" in str(error) else str(error), "refused"


@check("A6")
def cubes_lose_no_channel_axis():
    """The mask of a volume is cut along with it, or refused."""
    batch = {
        "images": constants(8, 8, 8, 1),
        "segmentation_masks": constants(8, 8, 8).astype("int32"),
    }
    mixed = L.CutMix(seed=1)(batch)
    image, mask = np.asarray(mixed["images"])[..., 0], np.asarray(mixed["segmentation_masks"])
    yield "voxels of another sample, %", 100 * float((image != mask).mean()), 0.0


@check("A7")
def targets_without_a_rule_are_refused():
    """Coordinates are never silently averaged by a mixer that cuts."""
    x = constants(16, 16, 3)
    for name, y in {
        "keypoints (B, 5, 2)": constants(5, 2),
        "boxes (B, N, 5)": constants(4, 5),
        "maps of another size": constants(4, 4, 2),
    }.items():
        yield name, *refusal(lambda y=y: L.CutMix(seed=1)(x, y))
    yield (
        "a box format without boxes",
        *refusal(lambda: L.CutMix(bounding_boxes="xyxy", num_classes=N)(x, np.arange(N))),
    )


@check("A8")
def a_rule_that_never_triggers_changes_nothing():
    """Label rules read weights that are counted over valid time steps."""
    x = {"x": constants(20, 2), "n": np.full(N, 5, "int32") + np.arange(N, dtype="int32")}
    rule = keras_mix.label_rules.Remix([10.0] * N, kappa=1e9, tau=0.0)
    plain = L.CutMix(spatial_dims=1, seed=1, kinds={"n": "lengths"})
    ruled = L.CutMix(spatial_dims=1, seed=1, kinds={"n": "lengths"}, label_rule=rule)
    seed = tf.constant([1, 2])
    difference = np.abs(plain(x, ONE_HOT, seed=seed)[1] - ruled(x, ONE_HOT, seed=seed)[1]).max()
    yield "largest change of a label", *near(difference, 0.0, 1e-6)


@check("A9")
def smoothing_is_of_labels():
    """Label smoothing changes labels and nothing else."""
    x = constants(4, 4, 1)
    hundred = np.full((N, 3), 100.0, "float32")
    yield (
        "regression",
        *refusal(lambda: L.MixUp(label_smoothing=0.1, label_mode="values")(x, hundred)),
    )
    binary = np.asarray([0, 1] * 4, "float32")[:, None]
    try:
        smooth = L.MixUp(label_smoothing=0.2, rate=0.0)(x, binary)[1]
        yield "binary", *near(np.asarray(smooth).min(), 0.1)
    except ValueError as error:
        yield "binary", "refused" if "Received" in str(error) else str(error), "refused"


@check("A10")
def options_without_effect_are_refused():
    """An option is used, or refused by name."""
    inner = {
        "data_format": "channels_first",
        "bounding_boxes": L.BoundingBoxOptions("xyxy", min_visible=0.5),
        "seed": 3,
    }
    for name, value in inner.items():
        made = refusal(lambda n=name, v=value: L.RandomChoice([L.CutMix(**{n: v})]), name)
        yield f"RandomChoice([CutMix({name}=…)])", *made
    yield (
        "RandomChoice(pairing=…)",
        *refusal(lambda: L.RandomChoice([L.CutMix()], pairing="roll"), "pairing"),
    )
    yield (
        "deit(pairing=…) is used or refused",
        *_used_or_refused(lambda: keras_mix.recipes.deit(pairing="roll"), "pairing", "roll"),
    )


def _used_or_refused(make, option, value):
    try:
        made = make()
    except ValueError as error:
        return ("refused" if "Received" in str(error) else str(error)), "refused"
    used = all(getattr(mixer, option) == value for mixer in made.mixers)
    return ("used" if used else "ignored"), "used"


@check("A11")
def packed_losses_know_their_labels():
    """MixedLoss passes each loss the form of labels that it takes."""
    ids = np.arange(3)
    prediction = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.1, 0.1, 0.8]], "float32")
    packed = np.stack([np.stack([ids, ids], 1), np.tile([0.5, 0.5], (3, 1))], 1).astype("float32")
    plain = keras.losses.CategoricalGeneralizedCrossEntropy()
    right = float(plain(ids, prediction))
    mixed = keras_mix.losses.MixedLoss(plain)(packed, prediction)
    yield "CategoricalGeneralizedCrossEntropy", *near(mixed, right)
    named = keras.losses.SparseCategoricalCrossentropy(name="ce")
    right = float(named(ids, prediction))
    yield "a name of one's own", *near(keras_mix.losses.MixedLoss(named)(packed, prediction), right)
    summed = keras.losses.SparseCategoricalCrossentropy(reduction="sum")
    right = float(summed(ids, prediction))
    yield "reduction", *near(keras_mix.losses.MixedLoss(summed)(packed, prediction), right)
    wide = np.full((1, 1000), 0.1 / 999, "float32")
    wide[0, 999] = 0.9
    one = np.array([[[999, 999], [0.5, 0.5]]], "float32")
    loss = keras_mix.losses.MixedLoss("sparse_categorical_crossentropy", dtype="bfloat16")
    yield "bfloat16, id 999", *near(loss(one, wide), 0.105, 0.01)


@check("A12")
def manifold_mixup_leaves_ids_alone():
    """Default mix points never hold token ids."""
    for dtype in ("float32", "int32"):
        base = keras.Sequential(
            [
                keras.Input((12,), dtype=dtype),
                keras.layers.Embedding(20, 4),
                keras.layers.GlobalAveragePooling1D(),
                keras.layers.Dense(3, activation="softmax"),
            ]
        )
        model = keras_mix.models.ManifoldMixup(base)
        yield f"{dtype} ids: input is a mix point", "input" in model.mix_points, False
        model.compile("sgd", "sparse_categorical_crossentropy")
        loss = model.train_on_batch(np.ones((8, 12), dtype), np.arange(8) % 3)
        yield f"{dtype} ids: trains", bool(np.isfinite(loss)), True


@check("A13")
def unbatched_datasets_are_refused():
    """Single samples that the structure reveals are refused with a way out."""
    images = np.random.rand(20, 16, 16, 3).astype("float32")
    ids = np.eye(20, 16, dtype="float32")
    single = tf.data.Dataset.from_tensor_slices(images)
    yield "images alone", *refusal(lambda: keras_mix.data.mix(single, L.MixUp(), seed=1), "batch")
    pairs = tf.data.Dataset.from_tensor_slices((images, ids))
    yield "K = H", *refusal(lambda: keras_mix.data.mix(pairs, L.MixUp(), seed=1), "batch")
    batched = pairs.batch(4)
    zipped = tf.data.Dataset.zip((batched, batched))
    yield "zip of two", *refusal(lambda: zipped.map(L.MixUp()), "partners")
    yield "zip, mixed", *refusal(lambda: keras_mix.data.mix(zipped, L.MixUp(), seed=1), "partners")


@check("A14")
def binary_metrics_are_read_against_the_dominant_label():
    """A binary accuracy of a perfect model is 1 on mixed labels."""
    metric = keras_mix.metrics.MixedMetric("binary_accuracy")
    shares = np.array([[0.7], [0.2], [1.0], [0.4]], "float32")
    metric.update_state(shares, (shares > 0.5).astype("float32"))
    yield "binary accuracy", *near(metric.result(), 1.0)


@check("A15")
def the_command_reads_deep_images():
    """16-bit and float images keep their contrast."""
    from PIL import Image

    values = np.linspace(0, 1, 64, dtype="float64").reshape(8, 8)
    with tempfile.TemporaryDirectory() as folder:
        for name, image in {
            "a/16.png": Image.fromarray((values * 65535).astype("uint16")),
            "b/16.tif": Image.fromarray((values * 65535).astype("uint16")),
            "c/float.tif": Image.fromarray(values.astype("float32")),
        }.items():
            path = Path(folder, name)
            for number in range(6):
                target = path.with_name(f"{number}{path.name}")
                target.parent.mkdir(exist_ok=True)
                image.save(target)
        images, _ = keras_mix.evaluate.datasets.load(folder, image_size=8).train
        spread = min(float(np.ptp(image)) for image in images)
        yield "least range of gray levels of 0 … 1", spread > 0.8, True


# Slow.


@check("B1")
def mixing_behind_a_shuffle_costs_as_much_as_a_map():
    """An epoch of `data.mix` takes at most 1.15 times an epoch of `map`."""
    x = np.random.randint(0, 256, (50_000, 32, 32, 3), "uint8")
    y = np.arange(50_000) % 10
    layer = L.CutMix(num_classes=10)
    shuffled = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(50_000, seed=1).batch(128)
    plain = shuffled.map(layer, num_parallel_calls=tf.data.AUTOTUNE).prefetch(2)
    mixed = keras_mix.data.mix(shuffled, layer, seed=1).prefetch(2)
    seconds = {"map": [], "mix": []}
    for _ in range(5):
        for name, dataset in (("map", plain), ("mix", mixed)):
            start = time.perf_counter()
            for _ in dataset:
                pass
            seconds[name].append(time.perf_counter() - start)
    ratio = np.median(np.divide(seconds["mix"], seconds["map"]))
    yield "epoch of mix, × map", f"{ratio:.2f}" if ratio > 1.15 else "≤ 1.15", "≤ 1.15"


# Crashes, and words that do not help.


@check("C1")
def numpy_beside_tensors():
    """Arrays and tensors may be mixed in one batch."""
    x = np.random.rand(N, 16, 16, 3).astype("float32")
    images, labels = L.CutMix()((x, tf.one_hot(np.arange(N), N)))
    yield "tuple", (tuple(images.shape), tuple(labels.shape)), ((N, 16, 16, 3), (N, N))
    mixed = L.CutMix()({"images": x, "labels": tf.one_hot(np.arange(N), N)})
    yield "dict", tuple(mixed["images"].shape), (N, 16, 16, 3)


@check("C2")
def compositions_mix_or_are_refused():
    """A composition of compositions mixes, or is refused at construction."""
    made = _attempt(
        lambda: L.RandomApply(L.CrossModalMix(cuts={"x": L.CutMix()}))(
            ({"x": constants(8, 8, 1), "z": constants(3)}, ONE_HOT)
        )
    )
    yield "RandomApply(CrossModalMix(…))", made, "mixed or refused"
    base = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    models = [keras_mix.models.MixingModel(base) for _ in range(2)]
    for model in models:
        model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
    x, y = np.random.rand(8, 4).astype("float32"), np.arange(8) % 3

    def train():
        for _ in range(4):
            for model in models:
                model.train_on_batch(x, y)
        threads = [threading.Thread(target=model.train_on_batch, args=(x, y)) for model in models]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    yield "two wrappers of one base", _attempt(train), "mixed or refused"


def _attempt(function):
    try:
        function()
    except ValueError as error:
        return "mixed or refused" if "Received" in str(error) else str(error)[:200]
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:200]}"
    return "mixed or refused"


@check("C3")
def erasing_mixers_train_inside_models():
    """Cutout, GridMask and SpecAugment change no label, so a model may call them on inputs."""
    for mixer, shape in ((L.Cutout(0.5), (8, 8, 1)), (L.GridMask(), (8, 8, 1))):
        inputs = keras.Input(shape)
        outputs = keras.layers.Dense(3)(keras.layers.Flatten()(mixer(inputs)))
        model = keras.Model(inputs, outputs)
        model.compile("sgd", "mse")
        loss = model.train_on_batch(np.ones((4, *shape), "float32"), np.ones((4, 3), "float32"))
        yield f"{type(mixer).__name__} trains", bool(np.isfinite(loss)), True
    spread = keras.layers.TimeDistributed(L.Cutout(0.5))
    video = np.ones((2, 3, 8, 8, 1), "float32")
    yield "TimeDistributed", tuple(spread(video).shape), video.shape


@check("C4")
def the_command_blames_what_was_given():
    """The command reports errors in one sentence."""
    from keras_mix import cli

    def said(*arguments):
        out, err = io.StringIO(), io.StringIO()
        streams = contextlib.redirect_stdout(out), contextlib.redirect_stderr(err)
        with streams[0], streams[1], contextlib.suppress(SystemExit):
            cli.main(list(arguments))
        return out.getvalue() + err.getvalue()

    yield "--version", keras_mix.__version__ in said("--version"), True
    wrong = said("compare", "--data", "digits", "--mixers", "cutmixx")
    yield "an unknown mixer", "cutmix" in wrong and "Traceback" not in wrong, True


@check("C5")
def numbers_of_every_dtype():
    """Bools, bfloat16 ids and infinities are mixed or refused in a sentence."""
    x = constants(4, 4, 1)
    mix = L.CutMix(num_classes=N)
    yield "bool inputs", _attempt(lambda: mix(x > 3, np.arange(N))), "mixed or refused"
    ids = tf.cast(tf.range(16), tf.bfloat16)
    images = np.random.rand(16, 4, 4, 1).astype("float32")
    yield "bfloat16 ids", _attempt(lambda: L.MixUp(num_classes=16)(images, ids)), "mixed or refused"
    infinite = np.zeros((2, 4, 4, 1), "float32")
    infinite[0] = -np.inf
    mixed = L.MixUp(pairing="reverse", seed=1)(infinite, np.eye(2, dtype="float32"))[0]
    yield "−inf and 0: NaN", bool(np.isnan(mixed).any()), False


@check("C6")
def slips_are_answered_in_sentences():
    """Common mistakes in a call are refused by messages of this package."""
    x = np.random.rand(8, 16, 16, 3).astype("float32")
    dataset = tf.data.Dataset.from_tensor_slices((x, ONE_HOT)).batch(4)
    yield "map(CutMix)", *refusal(lambda: dataset.map(L.CutMix), "CutMix")
    yield "seed=1", _attempt(lambda: L.CutMix()(x, ONE_HOT, seed=1)), "mixed or refused"
    yield "mix(layer, dataset)", *refusal(lambda: keras_mix.data.mix(L.CutMix(), dataset))
    yield "mix(arrays)", *refusal(lambda: keras_mix.data.mix((x, ONE_HOT), L.CutMix()))
    base = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Flatten()])
    wrap = keras_mix.models.MixingModel
    yield "MixingModel(base, mixer=CutMix)", *refusal(lambda: wrap(base, mixer=L.CutMix))
    for name in ("factor", "p", "prob", "mixup_alpha"):
        yield f"{name}=", *refusal(lambda n=name: L.MixUp(**{n: 0.2}), "alpha")
    tfds = {"image": constants(8, 8, 3), "label": np.arange(N)}
    answer = _message(lambda: L.CutMix(num_classes=N)(tfds))
    yield "TFDS's dict", 'kinds={"label": "images"}' in answer, False


def _message(function):
    try:
        function()
    except Exception as error:
        return str(error)
    return ""


@check("C7")
def advice_names_the_way_out():
    """Messages suggest an option that works."""
    x = constants(8, 8, 3).astype("uint16")
    yield "uint16 images", *refusal(lambda: L.CutMix(num_classes=N)(x, np.arange(N)), '"images"')
    mask = np.ones((N, 20), "bool")
    batch = ({"x": constants(20, 2), "mask": mask}, ONE_HOT)
    yield "a padding mask", *refusal(lambda: L.CutMix(spatial_dims=1)(batch), '"masks"')


@check("C8")
def recipes_train_inside_models():
    """DeiT's recipe trains inside a model; a Keras pipeline may end in a mixer."""
    softmax = keras.layers.Dense(3, activation="softmax")
    base = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), softmax])

    def train():
        model = keras_mix.models.MixingModel(base, mixer=keras_mix.recipes.deit())
        model.compile("sgd", "sparse_categorical_crossentropy")
        model.train_on_batch(np.random.rand(8, 8, 8, 1).astype("float32"), np.arange(8) % 3)

    yield "MixingModel(base, deit())", _attempt(train), "mixed or refused"
    pipeline = keras.layers.Pipeline([keras.layers.RandomFlip(), L.CutMix(num_classes=N)])
    x = {"images": constants(8, 8, 3), "labels": np.arange(N)}
    yield "Pipeline, dict", tuple(pipeline(x, training=True)["labels"].shape), (N, N)


@check("C9")
def layers_show_themselves():
    """The repr of a layer is the call that creates it; the base class is public."""
    yield "repr", repr(L.CutMix(alpha=0.5, num_classes=10)), "CutMix(alpha=0.5, num_classes=10)"
    yield "Mixer", isinstance(getattr(L, "Mixer", None), type), True
    import inspect

    names = inspect.signature(L.MixUp).parameters
    missing = {"label_smoothing", "kinds", "passthrough", "rate"} - set(names)
    yield "options missing from the signature", sorted(missing), []


# Deviations.


@check("D")
def authors_are_followed():
    """Statistics of the methods match their authors' code."""
    deit = keras_mix.recipes.deit(num_classes=N)
    yield "deit pairs as timm does", {mixer.pairing for mixer in deit.mixers}, {"reverse"}
    x = np.zeros((512, 64, 64, 1), "float32")
    x[256:] = 1
    y = np.eye(512, dtype="float32")
    top = []
    for seed in range(12):
        mix = L.ResizeMix(pairing="reverse", seed=seed)
        mixed = np.asarray(mix(x, y)[0])[:256, :, :, 0]
        top.append((mixed[:, 0].max(axis=1) > 0).mean())
    share = float(np.mean(top))
    yield "ResizeMix: boxes at the top border (authors 22–24 %)", 0.20 < share < 0.26 or share, True


# Engines.


@check("E1")
def workers_of_the_data_service_draw_apart():
    """Without a seed workers and epochs draw independently; with one, by the index."""
    service = tf.data.experimental.service
    places = [f"localhost:{port}" for port in _free_ports(2)]
    config = service.DispatcherConfig(port=0, worker_addresses=places)
    dispatcher = service.DispatchServer(config)
    workers = [
        service.WorkerServer(
            service.WorkerConfig(
                dispatcher_address=dispatcher.target.split("://")[1],
                worker_address=place,
                port=int(place.split(":")[1]),
            )
        )
        for place in places
    ]
    x = np.tile(np.random.rand(64, 1, 1, 1), (1, 8, 8, 1)).astype("float32")
    data = tf.data.Dataset.from_tensor_slices((x, np.eye(64, dtype="float32"))).batch(8)
    plain = {
        "mix": keras_mix.data.mix(data, L.MixUp()),
        "map": data.map(L.MixUp()),
    }
    for name, mixed in plain.items():
        first, second = (_batches(mixed, service.ShardingPolicy.OFF, dispatcher) for _ in range(2))
        yield f"{name} without a seed: batches, distinct", (len(first), len(set(first))), (16, 16)
        yield f"{name}: of the second epoch seen before", len(set(first) & set(second)), 0
    seeded = keras_mix.data.mix(data, L.MixUp(), seed=5)
    runs = [_batches(seeded, service.ShardingPolicy.DATA, dispatcher) for _ in range(2)]
    yield "with a seed, sharded: batches, distinct", (len(runs[0]), len(set(runs[0]))), (8, 8)
    yield "with a seed, sharded: two runs are one set", set(runs[0]) == set(runs[1]), True
    del workers, dispatcher


def _free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("localhost", 0))
        return [each.getsockname()[1] for each in sockets]


def _batches(dataset, policy, dispatcher):
    distributed = dataset.apply(tf.data.experimental.service.distribute(policy, dispatcher.target))
    return [np.asarray(labels).tobytes() for _, labels in distributed]


@check("E2")
def counts_are_exact():
    """The pixels of a mask of 2²⁵ are counted exactly in every mode."""
    from keras_mix._core.plan import counting

    size = 2**25
    places = (np.arange(size) % 7 != 0)[None]
    right = int(places.sum())
    for name, options in {"graph": {}, "XLA": {"jit_compile": True}}.items():
        count = tf.function(counting.count, autograph=False, **options)(tf.constant(places))
        yield name, int(count[0]), right


def main():
    """Runs the checks whose numbers start with an argument."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("numbers", nargs="*", help="only checks whose number begins so")
    wanted = parser.parse_args().numbers
    warnings.simplefilter("ignore")
    failed = 0
    for number, function in CHECKS.items():
        if wanted and not any(number.startswith(prefix) for prefix in wanted):
            continue
        print(f"{number}  {function.__doc__}")
        try:
            rows = list(function())
        except Exception as error:
            rows = [("the check", f"{type(error).__name__}: {str(error)[:400]}", "no error")]
        for what, received, right in rows:
            holds = received == right
            failed += not holds
            verdict = "ok" if holds else "FAILS"
            print(f"    {verdict}  {what}: {received}; right: {right}", flush=True)
    print(f"{failed} fail" if failed else "every value is right")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
