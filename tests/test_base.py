"""The base layer: call forms, kinds of leaves, dtypes, training."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from contract import compiled_parts

from keras_mix import plans
from keras_mix._core.backend import xla
from keras_mix.layers import CutMix, Mixer, MixUp
from keras_mix.pairings import ByClass

SEED = tf.constant([3, 4])
IMAGES = np.random.default_rng(0).random((8, 6, 5, 3), "float32")
IDS = np.arange(8) % 4
WEIGHTS = np.linspace(1, 2, 8).astype("float32")
MIXERS = [MixUp, CutMix]


def equal(left, right):
    """Whether two structures hold the same bits."""
    pairs = zip(tf.nest.flatten(left), tf.nest.flatten(right), strict=True)
    return all(np.array_equal(np.asarray(a), np.asarray(b)) for a, b in pairs)


@pytest.mark.parametrize("mixer", MIXERS)
def test_every_call_form_gives_the_same_mixture_in_its_own_structure(mixer):
    layer = mixer(alpha=1.0, num_classes=4)
    x, y, weight = layer(IMAGES, IDS, WEIGHTS, seed=SEED)
    assert equal(layer(IMAGES, seed=SEED), x)
    assert equal(layer(IMAGES, IDS, seed=SEED), (x, y))
    assert equal(layer((IMAGES, IDS), seed=SEED), (x, y))
    assert equal(layer((IMAGES, IDS, WEIGHTS), seed=SEED), (x, y, weight))
    mixed = layer({"images": IMAGES, "labels": IDS, "sample_weights": WEIGHTS}, seed=SEED)
    assert equal(mixed, {"images": x, "labels": y, "sample_weights": weight})
    assert type(layer((IMAGES,), seed=SEED)) is tuple


@pytest.mark.parametrize("mixer", MIXERS)
def test_nested_inputs_and_heads_keep_their_structure(mixer):
    layer = mixer(alpha=1.0, num_classes={"kind": 4})
    x = {"image": IMAGES, "more": [IMAGES * 2, WEIGHTS]}
    y = {"kind": IDS, "age": WEIGHTS[:, None]}
    mixed_x, mixed_y = layer(x, y, seed=SEED)
    assert mixed_y["kind"].shape == (8, 4)
    assert mixed_y["age"].shape == (8, 1)
    np.testing.assert_allclose(mixed_x["more"][0], mixed_x["image"] * 2, rtol=1e-6)
    # A vector beside the images and a head are mixed by the same weights.
    np.testing.assert_allclose(mixed_x["more"][1], mixed_y["age"][:, 0], rtol=1e-6)


def test_the_callers_structure_is_not_changed():
    batch = {"images": IMAGES, "labels": IDS}
    MixUp(num_classes=4)(batch)
    assert batch["images"] is IMAGES
    assert batch["labels"] is IDS


def test_sample_weights_are_mixed_as_labels_are():
    _, y, weight = MixUp(alpha=1.0)(IMAGES, np.eye(8, dtype="float32"), WEIGHTS, seed=SEED)
    np.testing.assert_allclose(weight, np.asarray(y) @ WEIGHTS, rtol=1e-5)


@pytest.mark.parametrize(
    ("labels", "options", "expected"),
    [
        (IDS, {"num_classes": 4}, (8, 4)),
        (IDS[:, None], {"num_classes": 4}, (8, 4)),
        (IDS.astype("float32"), {"num_classes": 4}, (8, 4)),
        (IDS, {"label_mode": "pairs"}, (8, 2, 2)),
        (IDS, {"label_mode": "values"}, (8,)),
        (WEIGHTS, {}, (8,)),
        (np.eye(4, dtype="int64")[IDS], {}, (8, 4)),
        (np.eye(4, dtype=bool)[IDS], {}, (8, 4)),
        (np.eye(4, dtype="float16")[IDS], {}, (8, 4)),
        (IMAGES, {}, (8, 6, 5, 3)),
    ],
)
def test_labels_of_every_kind_come_as_floats_mixed_or_not(labels, options, expected):
    layer = MixUp(alpha=1.0, dtype="mixed_bfloat16", **options)
    for training in (True, False):
        _, mixed = layer(IMAGES, labels, seed=SEED, training=training)
        assert mixed.shape == expected
        assert mixed.dtype == tf.float32


def test_float64_labels_and_weights_stay_float64():
    _, y, weight = MixUp()(IMAGES, np.eye(8), WEIGHTS.astype("float64"))
    assert y.dtype == weight.dtype == tf.float64


@pytest.mark.parametrize("mixer", MIXERS)
@pytest.mark.parametrize("dtype", ["uint8", "float16", "bfloat16", "float32"])
@pytest.mark.parametrize("policy", ["float32", "mixed_float16", "mixed_bfloat16"])
def test_pasted_images_keep_their_dtype_and_blended_ones_take_the_compute_dtype(
    mixer, dtype, policy
):
    layer = mixer(alpha=1.0, num_classes=4, dtype=policy)
    images = tf.cast(IMAGES * 255, dtype)
    expected = images.dtype if mixer.pastes else tf.as_dtype(layer.compute_dtype)
    for training in (True, False):
        assert layer(images, IDS, training=training)[0].dtype == expected
    kept = mixer(alpha=1.0, num_classes=4, dtype=policy, keep_dtype=True)
    assert kept(images, IDS)[0].dtype == images.dtype


def test_keep_dtype_rounds_to_the_nearest_integer():
    images = tf.cast(IMAGES * 255, tf.uint8)
    exact = MixUp(alpha=1.0)(images, seed=SEED)
    kept = MixUp(alpha=1.0, keep_dtype=True)(images, seed=SEED)
    assert equal(kept, tf.cast(tf.round(exact), tf.uint8))


def test_class_ids_beyond_256_survive_low_precision():
    labels = np.array([257, 301, 499, 300])
    _, y = MixUp(alpha=0, num_classes=500, dtype="mixed_bfloat16")(IMAGES[:4], labels)
    assert equal(np.argmax(y, axis=1), labels)


@pytest.mark.parametrize("mixer", MIXERS)
def test_without_training_nothing_is_mixed_or_smoothed(mixer):
    layer = mixer(alpha=1.0, num_classes=4, label_smoothing=0.1)
    x, y, weight = layer(IMAGES, IDS, WEIGHTS, training=False)
    assert equal((x, y, weight), (IMAGES, np.eye(4)[IDS], WEIGHTS))


def test_smoothing_spreads_mass_over_labels_but_not_over_numbers():
    y = {"kind": IDS, "soft": np.eye(4, dtype="float32")[IDS], "age": WEIGHTS[:, None]}
    plain = MixUp(alpha=1.0, num_classes={"kind": 4}, rate=0.5)
    smooth = MixUp(alpha=1.0, num_classes={"kind": 4}, rate=0.5, label_smoothing=0.1)
    _, before = plain(IMAGES, y, seed=SEED)
    _, after = smooth(IMAGES, y, seed=SEED)
    for name in ("kind", "soft"):
        np.testing.assert_allclose(after[name], before[name] * 0.9 + 0.1 / 4, rtol=1e-6)
    assert equal(after["age"], before["age"])


def test_a_float_head_beside_class_ids_is_a_number():
    y = {"kind": IDS, "flag": (IDS > 1).astype("float32")}
    _, mixed = MixUp(alpha=1.0, num_classes=4)(IMAGES, y)
    assert mixed["kind"].shape == (8, 4)
    assert mixed["flag"].shape == (8,)


def test_names_of_other_libraries_are_told_by_kinds_and_passthrough():
    layer = MixUp(
        alpha=1.0,
        num_classes=4,
        kinds={"image": "images", "label": "labels"},
        passthrough=["file"],
    )
    files = np.array([f"{i}.png" for i in range(8)])
    dataset = tf.data.Dataset.from_tensor_slices({"image": IMAGES, "label": IDS, "file": files})
    mixed = next(iter(dataset.batch(8).map(layer)))
    assert mixed["label"].shape == (8, 4)
    assert equal(mixed["file"], files.astype("S"))


def test_masks_of_class_ids_keep_dtype_and_classes():
    mask = np.random.default_rng(1).choice([0, 3, 255], (8, 6, 5, 1)).astype("uint8")
    mixed = CutMix(alpha=1.0)(IMAGES, mask, seed=SEED)[1]
    assert mixed.dtype == tf.uint8
    assert set(np.unique(mixed)) <= {0, 3, 255}
    flat = CutMix(alpha=1.0)(IMAGES, mask[..., 0].astype("int32"), seed=SEED)[1]
    assert equal(flat, mixed[..., 0])


def test_dense_targets_on_the_grid_are_cut_along():
    x, y = CutMix(alpha=1.0)(IMAGES, IMAGES[..., :1] * 2, seed=SEED)
    assert equal(y, x[..., :1] * 2)


@pytest.mark.parametrize("mixer", MIXERS)
def test_channels_first_is_the_same_mixture(mixer):
    last = mixer(alpha=1.0, data_format="channels_last")(IMAGES, seed=SEED)
    first = mixer(alpha=1.0, data_format="channels_first")(
        np.transpose(IMAGES, (0, 3, 1, 2)), seed=SEED
    )
    assert equal(tf.transpose(first, (0, 2, 3, 1)), last)


def test_video_is_cut_the_same_in_every_frame():
    video = np.broadcast_to(IMAGES[:, None], (8, 4, 6, 5, 3))
    mixed = CutMix(alpha=1.0)(video, seed=SEED)
    assert equal(mixed, np.broadcast_to(CutMix(alpha=1.0)(IMAGES, seed=SEED)[:, None], video.shape))


@pytest.mark.parametrize("mixer", MIXERS)
def test_config_round_trip_gives_the_same_mixture(mixer):
    layer = mixer(
        alpha=0.7, num_classes=4, pairing="derange", rate=0.5, per="batch", seed=5, dtype="float16"
    )
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
    assert equal(again(IMAGES, IDS), layer(IMAGES, IDS))


class Weighted(Mixer):
    """A mixer without a config of its own, and with an argument of each form that is saved."""

    def __init__(self, fractions=(0.5, 0.5), *, rule=None, **kwargs):
        super().__init__(**kwargs)
        self.fractions, self.rule = tuple(fractions), rule

    def sample(self, batch, seed):
        return plans.blend(self.partners(batch, seed), tf.constant([self.fractions]))


def test_a_mixer_of_ones_own_is_saved_with_its_arguments():
    config = Weighted((0.75, 0.25), rule=ByClass("rare"), rate=0.5).get_config()
    assert (config["fractions"], config["rate"]) == ([0.75, 0.25], 0.5)
    assert config["rule"]["class_name"] == "ByClass"
    assert Weighted.from_config(config).fractions == (0.75, 0.25)


def test_a_seed_fixes_the_sequence_and_zero_is_a_seed():
    sequence = [MixUp(alpha=1.0, seed=0)(IMAGES) for _ in range(2)]
    assert equal(*sequence)
    assert not equal(MixUp(alpha=1.0, seed=1)(IMAGES), sequence[0])


def test_set_random_seed_reaches_a_layer_without_a_seed():
    draws = []
    for _ in range(2):
        keras.utils.set_random_seed(7)
        draws.append(MixUp(alpha=1.0)(IMAGES))
    assert equal(*draws)


def test_a_plain_parallel_map_uses_no_seed_twice_and_changes_every_epoch():
    layer = MixUp(alpha=8.0, label_mode="values")
    ones = tf.data.Dataset.from_tensors((np.zeros((2, 1), "float32"), np.arange(2.0))).repeat(300)
    dataset = ones.map(layer, num_parallel_calls=8)
    layer_seeds = tf.data.Dataset.range(2000).map(
        lambda _: layer.seed_of_call(None), num_parallel_calls=8
    )
    seeds = [tuple(seed.numpy()) for seed in layer_seeds]
    assert len(set(seeds)) == 2000
    epochs = [[y.numpy().tobytes() for _, y in dataset] for _ in range(2)]
    assert epochs[0] != epochs[1]


@pytest.mark.parametrize(
    ("options", "shape", "available", "compiled"),
    [
        ({}, (None, 6, 5, 3), True, 1),
        ({"jit_compile": False}, (None, 6, 5, 3), True, 0),
        ({}, (None, None, 5, 3), True, 0),
        ({}, (None, 6, 5, 3), False, 0),
    ],
)
def test_what_is_compiled_in_a_graph(monkeypatch, options, shape, available, compiled):
    monkeypatch.setattr(xla, "available", lambda: available)
    layer = CutMix(alpha=1.0, **options)
    graph = tf.function(layer, input_signature=[tf.TensorSpec(shape)], autograph=False)
    assert compiled_parts(graph) == compiled
    assert graph(IMAGES).shape == IMAGES.shape


def test_an_eager_call_compiles_nothing(monkeypatch):
    """It may have other shapes each time."""
    monkeypatch.delattr(tf, "function")
    assert CutMix(alpha=1.0)(IMAGES).shape == IMAGES.shape


@pytest.mark.parametrize("mixer", MIXERS)
def test_unknown_batch_size_odd_batches_and_unknown_sizes_run_in_a_graph(mixer):
    layer = mixer(alpha=1.0, num_classes=4)
    dataset = tf.data.Dataset.from_tensor_slices((IMAGES, IDS)).batch(3).map(layer)
    assert dataset.element_spec[0].shape == (None, 6, 5, 3)
    assert [len(x) for x, _ in dataset] == [3, 3, 2]
    signature = (tf.TensorSpec((None, None, None, 3)), tf.TensorSpec((None,), tf.int64))
    anything = tf.function(layer, input_signature=signature, autograph=False)
    assert anything(IMAGES, IDS)[0].shape == IMAGES.shape


def test_partners_of_a_second_batch_are_the_only_ones():
    own, other = np.zeros((8, 6, 5, 3), "float32"), np.ones((3, 6, 5, 3), "float32")
    layer = CutMix(alpha=1.0, num_classes=2, rate=0.5)
    x, y = layer(own, np.zeros(8, int), partners=(other, np.ones(3, int)), seed=SEED)
    np.testing.assert_allclose(np.mean(x, axis=(1, 2, 3)), y[:, 1], atol=1e-6)
    assert 0 < np.mean(x) < 1
    _, kept = layer(own, np.zeros(8, int), partners=other, seed=SEED)
    assert equal(kept, np.eye(2)[np.zeros(8, int)])
