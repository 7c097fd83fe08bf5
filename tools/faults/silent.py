"""Results that were wrong without an error."""

import tempfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import keras_mix
from faults.common import ONE_HOT, Checks, L, N, constants, near, refusal

checks = Checks()


class Perfect(keras.layers.Layer):
    """Probabilities of two classes, read off the pixels 0 and 1."""

    def call(self, x):
        return keras.ops.concatenate([1 - x, x], -1)


@checks("A2")
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


@checks("A3")
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


@checks("A4")
def pixel_weights_follow_their_pixels():
    """Sample weights of pixels take the weight of each pixel's source."""
    x = constants(16, 16, 3)
    mask = constants(16, 16).astype("int32")
    _, masks, weights = L.CutMix(seed=1)(x, mask, constants(16, 16))
    equal = np.array_equal(np.asarray(weights), np.asarray(masks).astype("float32"))
    yield "weights equal the mask's sources", equal, True
    third = np.arange(N)
    yield "ids as weights", *refusal(lambda: L.CutMix(num_classes=N)(x, third, third))


@checks("A5")
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


@checks("A6")
def cubes_lose_no_channel_axis():
    """The mask of a volume is cut together with it, or refused."""
    batch = {
        "images": constants(8, 8, 8, 1),
        "segmentation_masks": constants(8, 8, 8).astype("int32"),
    }
    mixed = L.CutMix(seed=1)(batch)
    image, mask = np.asarray(mixed["images"])[..., 0], np.asarray(mixed["segmentation_masks"])
    yield "voxels of another sample, %", 100 * float((image != mask).mean()), 0.0


@checks("A7")
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


@checks("A8")
def a_rule_that_never_triggers_changes_nothing():
    """Label rules read weights that are counted over valid time steps."""
    x = {"x": constants(20, 2), "n": np.full(N, 5, "int32") + np.arange(N, dtype="int32")}
    rule = keras_mix.label_rules.Remix([10.0] * N, kappa=1e9, tau=0.0)
    plain = L.CutMix(spatial_dims=1, seed=1, kinds={"n": "lengths"})
    ruled = L.CutMix(spatial_dims=1, seed=1, kinds={"n": "lengths"}, label_rule=rule)
    seed = tf.constant([1, 2])
    difference = np.abs(plain(x, ONE_HOT, seed=seed)[1] - ruled(x, ONE_HOT, seed=seed)[1]).max()
    yield "largest change of a label", *near(difference, 0.0, 1e-6)


@checks("A9")
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


@checks("A10")
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


@checks("A11")
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


@checks("A12")
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


@checks("A13")
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


@checks("A14")
def binary_metrics_are_read_against_the_dominant_label():
    """A binary accuracy of a perfect model is 1 on mixed labels."""
    metric = keras_mix.metrics.MixedMetric("binary_accuracy")
    shares = np.array([[0.7], [0.2], [1.0], [0.4]], "float32")
    metric.update_state(shares, (shares > 0.5).astype("float32"))
    yield "binary accuracy", *near(metric.result(), 1.0)


@checks("A15")
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
