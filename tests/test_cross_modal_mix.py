"""CrossModalMix: one partner and one λ are seen in every modality."""

import json

import keras
import numpy as np
import oracles
import pytest
import tensorflow as tf
from contract import seed_of

from keras_mix import plans
from keras_mix.layers import (
    BoundingBoxOptions,
    CrossModalMix,
    CutMix,
    FMix,
    Mixer,
    MixUp,
    Mosaic,
    RandomChoice,
    ResizeMix,
    SequenceOptions,
)
from keras_mix.models import MixingModel

B = 6
IDS = np.arange(B)


def constant(*shape, dtype="float32"):
    """Every value of sample i is i."""
    return np.broadcast_to(IDS.reshape(-1, *[1] * len(shape)), (B, *shape)).astype(dtype)


def sample():
    return {
        "image": constant(12, 9, 1, dtype="uint8"),
        "sound": constant(40),
        "spectrogram": constant(18, 5),
        "text": constant(7, 4),
    }


def shares_of(mixed):
    """float64 [B, B], of what samples a pasted modality is made."""
    counts = oracles.pixels_of(np.asarray(mixed).reshape(B, -1, 1, 1), B)
    return counts / counts.sum(axis=1, keepdims=True)


def pairs(**options):
    """The mixed modalities, the partners and their weights."""
    mixed, y = CrossModalMix(label_mode="pairs", pairing="roll", **options)(
        sample(), IDS, seed=seed_of()
    )
    return mixed, y[:, 0, 1].numpy().astype(int), y[:, 1, 1].numpy()


def test_what_is_not_cut_is_blended_by_one_ratio():
    mixed, partner, weight = pairs(alpha=8.0)
    assert 0 < weight.min() < weight.max() < 1
    expected = IDS + weight * (partner - IDS)
    for value in mixed.values():
        flat = value.numpy().reshape(B, -1)
        np.testing.assert_allclose(flat, np.repeat(expected[:, None], flat.shape[1], 1), rtol=1e-6)


def test_one_modality_is_cut_and_the_others_have_its_weight():
    mixed, partner, weight = pairs(alpha=8.0, cuts={"image": CutMix()})
    assert mixed["image"].dtype == tf.uint8
    counted = shares_of(mixed["image"])[IDS, partner].astype("float32")
    np.testing.assert_array_equal(weight, counted)
    blended = (1 - weight) * IDS.astype("float32") + weight * partner.astype("float32")
    np.testing.assert_array_equal(mixed["sound"], np.repeat(blended[:, None], 40, 1))
    np.testing.assert_allclose(mixed["text"][:, 3, 2], blended, rtol=1e-6)


def test_the_label_is_the_mean_of_what_the_cut_modalities_count():
    cuts = {"image": CutMix(), "spectrogram": FMix(), "sound": CutMix(spatial_dims=1)}
    mixed, partner, weight = pairs(alpha=8.0, cuts=cuts)
    counted = [shares_of(mixed[name])[IDS, partner] for name in cuts]
    # One λ: the shares differ by no more than the rounding of sides, and by clipping.
    assert np.abs(counted[1] - weight).max() < 0.5
    np.testing.assert_allclose(weight, np.mean(counted, axis=0), rtol=1e-6)
    np.testing.assert_allclose(mixed["text"][:, 0, 0], IDS + weight * (partner - IDS), rtol=1e-6)


def test_mixers_that_count_exactly_have_the_same_ratio():
    cuts = {"image": FMix(), "spectrogram": FMix()}
    mixed, partner, _ = pairs(alpha=8.0, cuts=cuts)
    image, spectrogram = (shares_of(mixed[name])[IDS, partner] for name in cuts)
    # The share of 108 pixels and that of 90 are each the nearest that there is, below λ.
    assert np.abs(image - spectrogram).max() <= 1 / 90 + 1e-6


def test_the_same_seconds_are_cut_in_all():
    video, sound = constant(8, 3, 2, 1), constant(80)
    layer = CrossModalMix(
        alpha=8.0, sampling_rates={"video": 4, "sound": 40}, label_mode="pairs", pairing="roll"
    )
    mixed, y = layer({"video": video, "sound": sound, "text": constant(3)}, IDS, seed=seed_of())
    frames = mixed["video"].numpy()[:, :, 0, 0, 0]
    np.testing.assert_array_equal(
        mixed["video"], np.broadcast_to(frames[..., None, None, None], video.shape)
    )
    np.testing.assert_array_equal(mixed["sound"], np.repeat(frames, 10, axis=1))
    partner, weight = y[:, 0, 1].numpy().astype(int), y[:, 1, 1].numpy()
    np.testing.assert_array_equal(weight, shares_of(frames)[IDS, partner].astype("float32"))
    assert 0 < weight.max() < 1


def test_regions_follow_by_fractions():
    cuts = {"image": CutMix(), "spectrogram": "image"}
    mixed, _, _ = pairs(alpha=8.0, cuts=cuts)
    image, spectrogram = mixed["image"].numpy()[..., 0], mixed["spectrogram"].numpy()
    rows, columns = np.arange(18) * 12 // 18, np.arange(5) * 9 // 5
    np.testing.assert_array_equal(spectrogram, image[:, rows][:, :, columns])


def test_masks_and_boxes_follow_their_image():
    boxes = {"boxes": np.tile(np.float32([1, 1, 8, 11]), (B, 1, 1)), "labels": IDS[:, None]}
    layer = CrossModalMix(
        alpha=8.0,
        cuts={"image": CutMix(), "mask": "image", "boxes": "image"},
        bounding_boxes=BoundingBoxOptions("xyxy", min_visible=0.0, details=True),
        pairing="roll",
    )
    x = {"image": sample()["image"], "sound": sample()["sound"]}
    y = {"mask": constant(12, 9, dtype="int32"), "boxes": boxes}
    mixed, found = layer(x, y, seed=seed_of())
    np.testing.assert_array_equal(found["mask"], mixed["image"][..., 0])
    inside = mixed["image"].numpy()[:, 1:11, 1:8, 0]
    for i in range(B):
        real = found["boxes"]["labels"][i].numpy() != -1
        seen = dict(
            zip(
                found["boxes"]["labels"][i].numpy()[real],
                found["boxes"]["visible"][i].numpy()[real],
                strict=True,
            )
        )
        counted = {n: (inside[i] == n).mean() for n in np.unique(inside[i])}
        assert seen == pytest.approx(counted, rel=1e-6)


def test_what_follows_an_image_counts_with_it():
    cuts = {"image": CutMix(), "sound": CutMix(spatial_dims=1), "mask": "image"}
    layer = CrossModalMix(alpha=8.0, cuts=cuts, label_mode="pairs", pairing="roll")
    y = {"mask": constant(12, 9, dtype="int32"), "label": IDS}
    mixed, found = layer(sample(), y, seed=seed_of())
    partner = found["label"][:, 0, 1].numpy().astype(int)
    counted = [shares_of(mixed[name])[IDS, partner] for name in ("image", "sound")]
    np.testing.assert_array_equal(found["mask"], mixed["image"][..., 0])
    np.testing.assert_allclose(found["label"][:, 1, 1], np.mean(counted, axis=0), rtol=1e-6)


OPTIONS = {
    "alpha": 2.0,
    "cuts": {"image": CutMix(), "spectrogram": "image", "sound": CutMix(spatial_dims=1)},
    "num_classes": B,
}


@pytest.mark.parametrize("mode", ["plain graph", "all in XLA", "tf.data"])
def test_every_mode_gives_the_same(mode):
    layer = CrossModalMix(rate=0.8, jit_compile=mode != "plain graph", **OPTIONS)
    expected = layer(sample(), IDS, seed=seed_of())
    if mode == "tf.data":
        dataset = tf.data.Dataset.from_tensor_slices((sample(), IDS)).batch(B)
        found = next(iter(dataset.map(lambda x, y: layer(x, y, seed=seed_of()))))
    else:
        mix = tf.function(layer, jit_compile=mode == "all in XLA")
        tensors = tf.nest.map_structure(tf.constant, (sample(), IDS))
        found = mix(*tensors, seed=seed_of())
    tf.nest.assert_same_structure(found, expected)
    for one, other in zip(tf.nest.flatten(found), tf.nest.flatten(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)


def test_partners_of_another_batch():
    layer = CrossModalMix(**{**OPTIONS, "num_classes": 2 * B})
    others = {name: value + B for name, value in sample().items()}
    mixed, labels = layer((sample(), IDS), partners=(others, IDS + B), seed=seed_of())
    seen = labels.numpy() @ np.arange(2 * B)
    np.testing.assert_allclose(mixed["text"].numpy().mean(axis=(1, 2)), seen, rtol=1e-5)


@pytest.mark.parametrize("options", [{"alpha": 0.0}, {"rate": 0.0}])
def test_unmixed_samples_keep_every_bit(options):
    mixed, labels = CrossModalMix(**{**OPTIONS, **options})(sample(), IDS, seed=seed_of())
    for name, value in sample().items():
        np.testing.assert_array_equal(mixed[name], value)
    np.testing.assert_array_equal(labels, np.eye(B))


def pictures_and_tones(size=128):
    """A bright quarter of the picture and the pitch of the tone tell the class, with noise."""
    rng, ids = np.random.default_rng(0), np.arange(size) % 4
    image = np.kron(np.eye(4)[ids].reshape(-1, 2, 2), np.ones((4, 4)))[..., None]
    sound = np.sin(0.2 * np.arange(64) * (1 + ids[:, None]))[..., None]
    x = {"image": image, "sound": sound}
    noisy = {name: clean + 0.3 * rng.normal(size=clean.shape) for name, clean in x.items()}
    return {name: value.astype("float32") for name, value in noisy.items()}, ids


def two_encoders():
    image, sound = keras.Input((8, 8, 1), name="image"), keras.Input((64, 1), name="sound")
    seen = keras.layers.Dense(16, activation="relu")(keras.layers.Flatten()(image))
    heard = keras.layers.Conv1D(8, 9, strides=4, activation="relu")(sound)
    heard = keras.layers.GlobalAveragePooling1D()(heard)
    together = keras.layers.Concatenate()([seen, heard])
    output = keras.layers.Dense(4, activation="softmax")(together)
    return keras.Model({"image": image, "sound": sound}, output)


def test_two_encoders_learn_from_mixed_pairs_inside_the_compiled_train_step():
    x, ids = pictures_and_tones()
    keras.utils.set_random_seed(1)
    mixer = CrossModalMix(cuts={"image": CutMix()}, sampling_rates={"sound": 16})
    model = MixingModel(two_encoders(), mixer=mixer)
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", jit_compile=True)
    losses = model.fit(x, ids, epochs=8, batch_size=32, verbose=0).history["loss"]
    assert losses[-1] < 0.8 * losses[0]
    assert (model.base.predict(x, verbose=0).argmax(axis=1) == ids).mean() > 0.9


def test_keras_saves_and_loads_it():
    layer = CrossModalMix(sampling_rates={"text": 7}, **OPTIONS)
    saved = json.dumps(keras.saving.serialize_keras_object(layer))
    loaded = keras.saving.deserialize_keras_object(json.loads(saved))
    assert loaded.get_config() == layer.get_config()
    for one, other in zip(
        tf.nest.flatten(layer(sample(), IDS, seed=seed_of())),
        tf.nest.flatten(loaded(sample(), IDS, seed=seed_of())),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"cuts": {"image": MixUp()}}, "paste one partner without moving it"),
        ({"cuts": {"image": ResizeMix()}}, "paste one partner without moving it"),
        ({"cuts": {"image": Mosaic()}}, "paste one partner without moving it"),
        ({"cuts": {"image": RandomChoice([CutMix()])}}, "paste one partner without moving it"),
        ({"cuts": {"image": CutMix(num_classes=3)}}, "`num_classes` belongs to the CrossModalMix"),
        ({"cuts": {"mask": "image", "image": CutMix()}}, "can only follow an earlier one"),
        ({"cuts": {"mask": "image"}}, "can only follow an earlier one"),
        (
            {"cuts": {"a": CutMix()}, "sampling_rates": {"a": 2}},
            "in both `cuts` and `sampling_rates`",
        ),
        ({"sampling_rates": {"video": 25, "sound": 16001}}, "must divide the others"),
        ({"sampling_rates": {"video": 0}}, "must be an integer of at least 1"),
        ({"alpha": -1}, "`alpha` must be a finite number"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        CrossModalMix(**options)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"cuts": {"picture": CutMix()}}, "must have the modality `picture`.*x/image"),
        ({"sampling_rates": {"sound": 10, "spectrogram": 5}}, "same duration.*4 s.*3.6 s"),
        ({"cuts": {"sound": CutMix()}}, "must have 2 axes"),
    ],
)
def test_batches_that_do_not_fit_are_refused(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        CrossModalMix(**options)(sample(), np.eye(B, dtype="f4"))


def with_ids():
    return {**sample(), "ids": np.arange(B)[:, None] * 100 + np.arange(40)}


def test_spans_of_token_ids_are_cut():
    cuts = {"image": CutMix(), "ids": CutMix(spatial_dims=1)}
    layer = CrossModalMix(
        alpha=8.0, cuts=cuts, kinds={"ids": "token_ids"}, label_mode="pairs", pairing="roll"
    )
    mixed, y = layer(with_ids(), IDS, seed=seed_of())
    ids, partner, weight = mixed["ids"].numpy(), y[:, 0, 1].numpy().astype(int), y[:, 1, 1]
    np.testing.assert_array_equal(ids % 100, np.broadcast_to(np.arange(40), ids.shape))
    counted = np.mean(ids // 100 == partner[:, None], axis=1)
    image = shares_of(mixed["image"])[IDS, partner]
    np.testing.assert_allclose(weight, (counted + image) / 2, rtol=1e-6)
    assert 0 < counted.max() < 1


@pytest.mark.parametrize(
    ("cut", "options", "sentence"),
    [
        ({}, {}, r"`x/ids` holds token ids.*embedding"),
        ({"ids": "image"}, {}, r"`x/ids` holds token ids.*or cut along two axes"),
        (
            {},
            {"sequences": SequenceOptions(padding_id=0)},
            "only mixers that paste along one axis cut token ids",
        ),
    ],
)
def test_token_ids_that_would_be_mixed_wrongly_are_refused(cut, options, sentence):
    cuts = {"image": CutMix(), **cut}
    with pytest.raises(ValueError, match=sentence):
        CrossModalMix(cuts=cuts, kinds={"ids": "token_ids"}, **options)(
            with_ids(), np.eye(B, dtype="f4")
        )


LENGTHS = np.array([40, 25, 33, 8, 40, 17])
VALID = np.arange(40) < LENGTHS[:, None]
PADDED = {"sound": constant(40), "ids": np.where(VALID, IDS[:, None] + 1, 0)}
TOLD = {"length": LENGTHS, "mask": VALID}
OF_TIME = {"length": "lengths", "mask": "masks", "ids": "token_ids"}


def counted_over_valid(sources, partner):
    """The fraction of valid time steps that the partner gives, and which steps are valid."""
    valid = VALID[sources, np.arange(sources.shape[1])]
    given = (sources == partner[:, None]) & valid & (partner != IDS)[:, None]
    return given.sum(axis=1) / valid.sum(axis=1), valid


@pytest.mark.parametrize(
    ("cut", "options", "compile_all"),
    [
        ("sound", {}, False),
        ("sound", {}, True),
        (None, {"sampling_rates": {"sound": 4}}, False),
        ("ids", {"sequences": SequenceOptions(padding_id=0)}, False),
    ],
)
def test_padding_does_not_count(cut, options, compile_all):
    """λ of the label is counted over valid time steps, beside the pixels of the image."""
    batch = {"image": constant(12, 9, 1, dtype="uint8"), "sound": PADDED["sound"], **TOLD}
    batch |= {"ids": PADDED["ids"]} if cut == "ids" else {}
    cuts = {cut: CutMix(spatial_dims=1)} if cut else {}
    layer = CrossModalMix(
        alpha=8.0,
        cuts={"image": CutMix(), **cuts, "length": "sound", "mask": "sound"},
        kinds={name: kind for name, kind in OF_TIME.items() if name in batch},
        label_mode="pairs",
        pairing="roll",
        **options,
    )
    call = tf.function(layer, jit_compile=True) if compile_all else layer
    mixed, y = call(keras.tree.map_structure(tf.constant, batch), tf.constant(IDS), seed=seed_of())
    partner, weight = y[:, 0, 1].numpy().astype(int), y[:, 1, 1].numpy()
    image = shares_of(mixed["image"])[IDS, partner]
    if cut == "ids":
        ids = mixed["ids"].numpy() - 1
        given = ((ids == partner[:, None]) & (ids >= 0)).sum(axis=1)
        counted = given / (ids >= 0).sum(axis=1)
        longest = np.maximum(LENGTHS, np.where(weight > 0, LENGTHS[partner], 0))
        valid = np.arange(40) < longest[:, None]
    else:
        counted, valid = counted_over_valid(mixed["sound"].numpy().astype(int), partner)
    np.testing.assert_allclose(weight, (counted + image) / 2, atol=1e-6)
    assert len(set(counted)) > 3
    np.testing.assert_array_equal(mixed["mask"], valid)
    last = np.where(valid.any(1), 40 - valid[:, ::-1].argmax(axis=1), 0)
    np.testing.assert_array_equal(mixed["length"], last)


def test_lengths_beside_images_that_are_cut_are_those_of_what_is_blended():
    layer = CrossModalMix(cuts={"image": CutMix()}, kinds={"length": "lengths"}, label_mode="pairs")
    mixed, y = layer({**sample(), "length": LENGTHS}, IDS, seed=seed_of())
    partner = np.where(y[:, 1, 1] > 0, y[:, 0, 1], IDS).astype(int)
    np.testing.assert_array_equal(mixed["length"], np.maximum(LENGTHS, LENGTHS[partner]))


@pytest.mark.parametrize(
    ("cuts", "told", "sentence"),
    [
        ({}, {"length": LENGTHS}, r"`x/length` must name the modality whose valid .*\"length\": "),
        (
            {"length": "sound"},
            {"length": LENGTHS + 1},
            "from 0 to the number of time steps of `x",
        ),
        (
            {"mask": "sound"},
            {"mask": VALID[:, 1:]},
            "must have as many time steps as `x/sound`",
        ),
        ({"length": "voice"}, {"length": LENGTHS}, "a sample must have the modality `voice`"),
    ],
)
def test_lengths_that_tell_nothing_are_refused(cuts, told, sentence):
    kinds = {name: OF_TIME[name] for name in told}
    layer = CrossModalMix(cuts={"sound": CutMix(spatial_dims=1), **cuts}, kinds=kinds)
    with pytest.raises(ValueError, match=f"^CrossModalMix: .*{sentence}"):
        layer({"sound": PADDED["sound"], **told}, np.eye(B, dtype="f4"))


def test_modalities_of_different_sizes_are_refused():
    batch = {**sample(), "sound": sample()["sound"][:-1]}
    with pytest.raises(ValueError, match="same number of samples"):
        CrossModalMix()(batch, np.eye(B, dtype="f4"))


def test_a_mixer_of_ones_own_in_cuts_defines_its_plan_for_given_partners():
    class Half(Mixer):
        pastes, grid_rank = True, 1

        def sample(self, batch, seed):
            return self.sample_of(batch, self.partners(batch, seed))

        def sample_of(self, batch, partners):
            half = tf.range(batch.grid[0])[None] < batch.grid[0] // 2
            return plans.paste(partners, half)

    class GivenHalf(Half):
        def sample_given(self, batch, lam, partners, seed):
            return self.sample_of(batch, partners)

    with pytest.raises(ValueError, match=r"must define `sample_given\(.*Received: cuts=.*Half"):
        CrossModalMix(cuts={"sound": Half()})
    sound = np.repeat(np.arange(4, dtype="float32")[:, None], 8, axis=1)
    layer = CrossModalMix(cuts={"sound": GivenHalf()}, num_classes=4)
    mixed, labels = layer({"sound": sound}, np.arange(4), seed=1)
    shown = np.stack([(mixed["sound"].numpy() == n).mean(axis=1) for n in range(4)], axis=1)
    np.testing.assert_array_equal(labels, shown)
    np.testing.assert_array_equal(mixed["sound"][:, 4:], sound[:, 4:])


def test_labels_of_time_steps_cut_along_seconds_have_the_form_of_other_labels():
    classes = IDS % 3
    events = np.eye(3, dtype="int32")[classes][:, None].repeat(40, axis=1)
    layer = CrossModalMix(
        alpha=1.0,
        sampling_rates={"sound": 4, "events": 4},
        kinds={"events": "frame_labels"},
        label_smoothing=0.3,
        pairing="roll",
    )
    x, y = layer({"sound": constant(40)}, {"events": events}, seed=seed_of())
    sources = x["sound"].numpy().astype(int)
    assert len(np.unique(sources[0])) == 2
    assert y["events"].dtype == tf.float32
    expected = 0.7 * np.eye(3)[classes[sources]] + 0.1
    np.testing.assert_allclose(y["events"], expected, rtol=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {"sampling_rates": {"sound": 4, "mask": 4}},
        {"cuts": {"sound": CutMix(spatial_dims=1), "mask": "sound"}},
    ],
)
def test_masks_of_frames_cannot_become_soft_along_time_alone(options):
    layer = CrossModalMix(
        kinds={"mask": "segmentation_masks"}, soft_masks=True, num_classes=B, **options
    )
    with pytest.raises(ValueError, match="to become a soft mask"):
        layer({"sound": constant(40)}, {"mask": constant(40, 4, 4, dtype="int32")}, seed=seed_of())


def test_what_is_cut_along_seconds_has_an_axis_of_time():
    layer = CrossModalMix(sampling_rates={"sound": 4, "label": 4}, num_classes=B)
    with pytest.raises(ValueError, match=r"`y/label` must be \(B, T, …\) to be cut along"):
        layer({"sound": constant(40)}, {"label": IDS})
