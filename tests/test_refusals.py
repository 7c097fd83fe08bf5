"""Bad input: one clear sentence, before any work."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_mix import data
from keras_mix.layers import CutMix, MixUp

IMAGES = np.zeros((4, 6, 5, 3), "float32")
IDS = np.arange(4)
RAGGED = tf.ragged.constant([[1.0], [2.0, 3.0], [], [4.0]])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"alpha": -1}, r"`alpha` must be a finite number at least 0. Received: alpha=-1"),
        ({"alpha": float("nan")}, r"Received: alpha=nan"),
        ({"alpha": float("inf")}, r"Received: alpha=inf"),
        ({"alpha": "1"}, r"Received: alpha='1'"),
        ({"rate": 1.5}, r"`rate` must be a finite number between 0 and 1. Received: rate=1.5"),
        ({"rate": -0.1}, r"Received: rate=-0.1"),
        ({"label_smoothing": 2}, r"`label_smoothing` must be .* Received: label_smoothing=2"),
        ({"pairing": "random"}, r"`pairing` must be one of \['shuffle', .*'random'"),
        ({"per": "pixel"}, r"`per` must be one of \['sample', 'batch'\]. Received: per='pixel'"),
        ({"labels": "onehot"}, r"`labels` must be one of"),
        ({"data_format": "NHWC"}, r"`data_format` must be one of"),
        ({"num_classes": 1}, r"`num_classes` must be an integer of at least 2"),
        ({"num_classes": 3.0}, r"Received: num_classes=3.0"),
        ({"seed": 0.5}, r"`seed` must be an integer. Received: seed=0.5"),
        ({"seed": True}, r"Received: seed=True"),
        ({"kinds": {"x": "picture"}}, r"`kinds` maps .* Received: 'x': 'picture'"),
        ({"passthrough": "id"}, r"`passthrough` must be a list of strings. Received: .*'id'"),
        ({"labels": "pairs", "label_smoothing": 0.1}, r"Smooth in the loss instead"),
    ],
)
@pytest.mark.parametrize("mixer", [MixUp, CutMix])
def test_an_option_out_of_range(mixer, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        mixer(**options)


@pytest.mark.parametrize(
    ("mixer", "batch", "sentence"),
    [
        (MixUp(), (IMAGES, IDS), r"`y` holds class ids, whose number .* Pass num_classes="),
        (MixUp(num_classes=3), (IMAGES, IDS), r"from 0 to 2, .* Received: values from 0 to 3"),
        (MixUp(num_classes=3), (IMAGES, -IDS), r"Received: values from -3 to 0"),
        (MixUp(num_classes=4), (IMAGES, IDS + 0.5), r"must hold whole numbers"),
        (MixUp(num_classes=4), (IMAGES, IDS[:3]), r"`y` must have as many samples as `x`"),
        (MixUp(num_classes=4), (IMAGES[0], 1), r"not batched. Call `dataset.batch"),
        (MixUp(num_classes=4), (IMAGES[0], np.eye(4)[1]), r"Is the dataset batched\?"),
        (MixUp(), np.zeros((6, 5, 3), "uint8"), r"must be a batch of images"),
        (CutMix(), IMAGES[0], r"could be one sample or a batch"),
        (MixUp(), np.float32(1), r"not batched"),
        (MixUp(), (IDS[:, None], np.eye(4)), r"For token ids or categories mix the embedding"),
        (CutMix(), (IDS[:, None], np.eye(4)), r"For token ids or categories mix the embedding"),
        (MixUp(), np.array(list("abcd")), r"holds strings.*passthrough=\['x'\]"),
        (MixUp(), (IMAGES, np.ones(4, complex)), r"holds complex128s"),
        (MixUp(), RAGGED, r"must be a dense tensor. Received: a ragged tensor"),
        (MixUp(), tf.sparse.eye(4), r"Received: a sparse tensor"),
        (MixUp(), (IMAGES, None, IDS), r"`y` must be a tensor. Received: None"),
        (MixUp(), (IMAGES, np.full((4, 2), 7)), r"indicators of 0 and 1. Received: values up to 7"),
        (MixUp(), (IMAGES, np.zeros((4, 6, 5), int)), r"class ids of pixels, which cannot be b"),
        (CutMix(), (IMAGES, np.zeros((4, 3, 5), int)), r"must have the size \(6, 5\) of `x`"),
        (CutMix(), (np.zeros((4, 7), "float32"), np.eye(4)), r"must have height and width"),
        (CutMix(), ([IMAGES, IMAGES[:, ::2]],), r"`x/1` must have the size \(6, 5\) of `x/0`"),
        (
            MixUp(),
            {"image": IMAGES},
            r"known keys .*kinds=\{\"image\": \"images\"\}",
        ),
        (MixUp(), {"images": IMAGES, "bounding_boxes": {"boxes": IMAGES}}, r"no rule yet"),
        (MixUp(passthrough=["x"]), IMAGES, r"there is nothing to mix"),
        (MixUp(), (IMAGES, IDS, IDS, IDS), r"a tuple must be .* Received: 4 entries"),
    ],
)
def test_a_batch_that_cannot_be_mixed(mixer, batch, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        mixer(batch)
    assert str(caught.value).startswith(("MixUp: ", "CutMix: ", "Mixer: "))
    assert "Arguments received" not in str(caught.value)


def test_weights_without_labels():
    with pytest.raises(ValueError, match="`sample_weight` belongs to labels"):
        MixUp()(IMAGES, sample_weight=np.ones(4))


def test_a_graph_says_the_same_as_an_eager_call():
    unbatched = tf.data.Dataset.from_tensor_slices((IMAGES, IDS))
    with pytest.raises(ValueError, match=r"^MixUp: `y` must hold a batch of samples"):
        unbatched.map(MixUp(num_classes=4))


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        (np.array([0, 1, 2, 9]), "must hold whole numbers from 0 to 3"),
        (np.array([0, 0.5, 2, 1]), "must hold whole numbers from 0 to 3"),
        (np.arange(3), "must have as many samples"),
        (np.arange(8).reshape(4, 2), "must be indicators of 0 and 1"),
    ],
)
def test_what_only_a_running_graph_can_know_is_refused_there(labels, sentence):
    signature = (
        tf.TensorSpec((None, 6, 5, 3)),
        tf.TensorSpec((None, *labels.shape[1:]), labels.dtype),
    )
    layer = MixUp(num_classes=4)
    graph = tf.function(layer, input_signature=signature, autograph=False)
    with pytest.raises(tf.errors.InvalidArgumentError, match=sentence):
        graph(IMAGES, labels)


@pytest.mark.parametrize("keyed", [False, True], ids=["tensor", "dict"])
def test_a_model_that_trains_on_mixed_inputs_alone(keyed):
    inputs = keras.Input((6, 5, 3))
    mixed = CutMix()({"images": inputs})["images"] if keyed else CutMix()(inputs)
    model = keras.Model(inputs, mixed)
    np.testing.assert_array_equal(model(IMAGES), IMAGES)
    with pytest.raises(ValueError, match=r"must mix its labels .* `x, y = layer\(x, y\)`"):
        model(IMAGES, training=True)


def test_partners_that_do_not_fit():
    layer = MixUp(num_classes=4)
    with pytest.raises(ValueError, match="same kind and shape in the batch that partners"):
        layer(IMAGES, IDS, partners=(IMAGES[:, 1:], IDS))
    with pytest.raises(ValueError, match="Received: none beside"):
        layer([IMAGES, IMAGES], IDS, partners=([IMAGES], IDS))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"seed": 1.5}, "`seed` must be an integer. Received: seed=1.5"),
        ({"seed": None}, "Received: seed=None"),
        ({"partners": tf.data.Dataset.from_tensors(IMAGES)}, 'partner_labels="kept"'),
        (
            {"partners": tf.data.Dataset.from_tensors(IMAGES), "partner_labels": "mean"},
            "Received: partner_labels='mean'",
        ),
    ],
)
def test_a_dataset_that_cannot_be_mixed(options, sentence):
    dataset = tf.data.Dataset.from_tensors((IMAGES, IDS))
    with pytest.raises(ValueError, match=sentence):
        data.mix(dataset, MixUp(num_classes=4), **options)


def test_an_unbatched_dataset_is_refused_from_its_element_spec():
    with pytest.raises(ValueError, match=r"must be batched .* Call `dataset.batch"):
        data.mix(tf.data.Dataset.from_tensor_slices((IMAGES, IDS)), MixUp(num_classes=4))
