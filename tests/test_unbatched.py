"""Single samples and two batches side by side are refused wherever shapes tell them."""

import numpy as np
import pytest
import tensorflow as tf

from keras_mix import data
from keras_mix.layers import CutMix, FMix, MixUp, RandomApply, RandomChoice
from keras_mix.pairings import InOrder

PLAIN = {"jit_compile": False}
LAYERS = [
    MixUp(**PLAIN),
    CutMix(**PLAIN),
    FMix(**PLAIN),
    RandomChoice([MixUp(), CutMix()], **PLAIN),
    RandomApply(CutMix(), **PLAIN),
]
IMAGES = np.zeros((16, 16, 16, 3), "float32")
WIDE = np.zeros((16, 16, 20, 3), "float32")
BYTES = IMAGES.astype("uint8")
ONE_HOT = np.eye(16, dtype="float32")
SINGLE = {
    "images alone": IMAGES,
    "a tuple of images": (IMAGES,),
    "one channel": IMAGES[..., :1],
    "images that are no squares": WIDE,
    "bytes": BYTES,
    "one-hot labels, as many classes as rows": (IMAGES, ONE_HOT),
    "bytes and one-hot labels": (BYTES, ONE_HOT),
    "weights": (IMAGES, ONE_HOT, np.ones(16, "float32")),
    "masks": (IMAGES, np.zeros((16, 16, 16, 1), "int32")),
    "flat masks": (WIDE, np.zeros((16, 16, 20), "int32")),
    "Keras's dict": {"images": IMAGES, "labels": ONE_HOT},
    "class ids": (IMAGES, np.arange(16) % 4),
}


def mixings(dataset, layer):
    """The ways in which a dataset is mixed."""
    return [
        lambda: data.mix(dataset, layer, seed=1),
        lambda: dataset.map(layer),
        lambda: dataset.map(lambda *batch: layer(*batch), num_parallel_calls=2),
    ]


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
@pytest.mark.parametrize("name", SINGLE)
def test_a_dataset_of_single_images_is_refused(name, layer):
    dataset = tf.data.Dataset.from_tensor_slices(SINGLE[name])
    for mixing in mixings(dataset, layer):
        with pytest.raises(ValueError, match=r"[Bb]atch.* Received: .*(batch\(…\)|Batch)"):
            mixing()


@pytest.mark.parametrize(
    "batch",
    [
        (IMAGES[0], np.zeros((16, 16), "float32")),
        (IMAGES[:, :, :5, 0], np.zeros(16, "float32")),
        (np.zeros((16, 20, 3), "float32"), np.zeros(16, "float32")),
        (np.zeros((8, 16, 16, 3), "float32"),),
        (np.zeros((16, 28, 28), "uint8"), np.zeros(16, "float32")),
    ],
    ids=["sequences", "no channels", "sequences and numbers", "images", "gray images"],
)
def test_what_may_be_a_batch_is_mixed(batch):
    dataset = tf.data.Dataset.from_tensors(batch)
    next(iter(data.mix(dataset, MixUp(**PLAIN))))


def test_sequences_like_an_image_are_mixed_once_they_are_named():
    sequences = tf.data.Dataset.from_tensors(IMAGES[0])
    next(iter(data.mix(sequences, MixUp(kinds={"x": "values"}, **PLAIN))))
    next(iter(data.mix(sequences, CutMix(spatial_dims=1, **PLAIN))))


BATCH = (IMAGES, ONE_HOT)
ZIPPED = {
    "two": ((BATCH, BATCH), 2),
    "three": ((BATCH, BATCH, BATCH), 3),
    "weights": (((*BATCH, ONE_HOT[0]),) * 2, 2),
    "class ids": (((BYTES, np.arange(16)),) * 2, 2),
    "Keras's dict": (({"images": IMAGES, "labels": ONE_HOT},) * 2, 2),
    "several inputs": ((({"a": IMAGES, "b": IMAGES[:, 0, 0]}, ONE_HOT),) * 2, 2),
}


@pytest.mark.parametrize("layer", LAYERS[:3], ids=lambda layer: type(layer).__name__)
@pytest.mark.parametrize("name", ZIPPED)
def test_two_batches_side_by_side_are_refused(name, layer):
    batches, count = ZIPPED[name]
    parts = [tf.data.Dataset.from_tensor_slices(batch).batch(4) for batch in batches]
    sentence = f"two batches side by side. Received: {count} entries .* partners=second"
    for mixing in mixings(tf.data.Dataset.zip(*parts), layer):
        with pytest.raises(ValueError, match=sentence):
            mixing()
    with pytest.raises(ValueError, match=sentence):
        layer(batches)


def test_inputs_and_targets_of_one_form_are_no_two_batches():
    two = (IMAGES, IMAGES + 1)
    mixed = MixUp(**PLAIN)(two, two)
    assert len(mixed) == 2


def test_pairs_are_mixed_as_pairs():
    pairs = tf.data.Dataset.from_tensors((BATCH, BATCH))
    x, y = next(iter(data.mix(pairs, MixUp(pairing=InOrder(), **PLAIN), partners="paired")))
    assert x.shape == IMAGES.shape
    assert y.shape == ONE_HOT.shape


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_a_decoded_image_beside_as_many_classes_as_rows_is_refused(layer):
    signature = (tf.TensorSpec((None, None, 3)), tf.TensorSpec((16,)))
    dataset = tf.data.Dataset.from_generator(
        lambda: zip(IMAGES, ONE_HOT, strict=True), output_signature=signature
    )
    for mixing in mixings(dataset, layer):
        with pytest.raises(ValueError, match=r"not a single image \(H, W, C\)"):
            mixing()


def test_padded_sequences_of_unknown_length_are_a_batch():
    sequences = tf.TensorSpec((None, None, 3), tf.float32)
    for labels in [(None,), (None, 16)]:
        function = tf.function(MixUp(**PLAIN).call, autograph=False)
        function.get_concrete_function(sequences, tf.TensorSpec(labels, tf.float32))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("frame_labels", np.zeros((16, 20), "int32")),
        ("lengths", np.full(16, 20)),
        ("masks", np.ones((16, 20), bool)),
    ],
)
def test_what_only_sequences_have_names_a_batch(kind, value):
    sequences = WIDE[0]
    if kind == "frame_labels":
        batch, options = (sequences, value), {"kinds": {"y": kind}}
    else:
        indicators = np.zeros((16, 20), "int32")
        batch, options = ({"x": sequences, "of": value}, indicators), {"kinds": {"of": kind}}
    x, _ = MixUp(**options, **PLAIN)(batch)
    assert tf.nest.flatten(x)[-1].shape == sequences.shape


def test_an_input_beside_a_batch_of_images_is_a_batch():
    (_, short), _ = MixUp(**PLAIN)(((IMAGES, IMAGES[:, 0, :, :1]), np.ones(16, "float32")))
    assert short.shape == (16, 16, 1)
