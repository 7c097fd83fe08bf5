"""Batches that cannot be mixed: one clear sentence, before any work."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_mix import data, layers
from keras_mix.layers import CutMix, MixUp, SequenceOptions

IMAGES = np.zeros((4, 6, 5, 3), "float32")
IDS = np.arange(4)
BOXES, PLACES = np.zeros((4, 3, 4), "float32"), np.zeros((4, 3), "int64")
RAGGED = tf.ragged.constant([[1.0], [2.0, 3.0], [], [4.0]])


@pytest.mark.parametrize("mixer", ["RICAP", "Mosaic"])
@pytest.mark.parametrize("grid", [(1, 1), (1, 8), (8, 1)], ids=str)
def test_images_too_small_for_four_sources(mixer, grid):
    images = np.zeros((4, *grid, 3), "float32")
    with pytest.raises(
        ValueError, match=rf"^{mixer}: `x` must have a size of at least 2 along .*shape=\(4, "
    ):
        getattr(layers, mixer)()(images)
    dataset = tf.data.Dataset.from_tensors(images)
    with pytest.raises(ValueError, match="must have a size of at least 2 along each axis"):
        dataset.map(getattr(layers, mixer)())


@pytest.mark.parametrize(
    "mixer",
    [
        layers.RICAP(),
        layers.Cutout(),
        layers.SmoothMix(),
        layers.GridMask(),
        layers.FMix(spatial_dims=3),
    ],
    ids=lambda mixer: mixer.owner,
)
def test_inputs_without_the_axes_that_are_cut(mixer):
    axes = "3 spatial axes" if mixer.grid_rank == 3 else "height and width"
    sentence = f"^{mixer.owner}: the inputs must have {axes}.* table by TabularMix"
    with pytest.raises(ValueError, match=sentence):
        mixer(np.zeros((4, 7), "float32"), np.eye(4))


@pytest.mark.parametrize("mixer", [layers.SmoothMix(), layers.FMix(max_soft=0.1)])
def test_masks_of_classes_under_a_soft_region(mixer):
    with pytest.raises(ValueError, match="class ids of pixels, which cannot be blended"):
        mixer(IMAGES, np.zeros((4, 6, 5), int))


@pytest.mark.parametrize(
    ("mixer", "batch", "sentence"),
    [
        (
            MixUp(),
            (IMAGES, IDS),
            r"`y` holds class ids, which .* Pass num_classes=…; for one sigmoid",
        ),
        (MixUp(num_classes=3), (IMAGES, IDS), r"from 0 to 2, .* Received: values from 0 to 3"),
        (MixUp(num_classes=3), (IMAGES, -IDS), r"Received: values from -3 to 0"),
        (MixUp(num_classes=4), (IMAGES, IDS + 0.5), r"must hold class ids, integers"),
        (MixUp(num_classes=3), (IMAGES, np.eye(4)), r"since num_classes=3. .* shape=\(4, 4\)"),
        (MixUp(num_classes=5), (IMAGES, np.eye(4, dtype=int)), r"one column for each class, since"),
        (
            MixUp(num_classes={"b": 5, "a": 4}),
            (IMAGES, {"a": IDS, "b": np.eye(4)}),
            r"`y/b` must have one column for each class, since num_classes=5.* Leave `num_classes`",
        ),
        (
            MixUp(num_classes=4),
            (IMAGES, IDS[:3]),
            r"`y` must have the same number of samples as `x`",
        ),
        (MixUp(num_classes=4), (IMAGES[0], 1), r"not batched. Call `dataset.batch"),
        (MixUp(num_classes=4), (IMAGES[0], np.eye(4)[1]), r"Is the dataset batched\?"),
        (MixUp(), np.zeros((6, 5, 3), "uint8"), r"must be a batch of images"),
        (CutMix(), IMAGES[0], r"could be one sample or a batch"),
        (MixUp(), np.float32(1), r"not batched"),
        (MixUp(), (IDS[:, None], np.eye(4)), r"For token ids or categories mix the embedding"),
        (CutMix(), (IDS[:, None], np.eye(4)), r"For token ids or categories mix the embedding"),
        (MixUp(), np.array(list("abcd")), r"has dtype string.*passthrough=\['x'\]"),
        (MixUp(), (IMAGES, np.ones(4, complex)), r"has dtype complex128"),
        (MixUp(), RAGGED, r"must be a dense tensor. Received: a ragged tensor"),
        (MixUp(), tf.sparse.eye(4), r"Received: a sparse tensor"),
        (MixUp(), (IMAGES, None, IDS), r"`y` must be a tensor. Received: None"),
        (MixUp(), (IMAGES, np.array(list("abcd"))), r"`y` has dtype string.*StringLookup"),
        (MixUp(), [IMAGES, IDS], r"`x/1` holds integers.*pass a tuple \(x, y\) instead of a list"),
        (MixUp(label_mode="union"), (IMAGES, IDS), r"for it\. Pass `num_classes`\.$"),
        (MixUp(label_mode="union"), (IMAGES, IDS * 1.0), r"for it\. Pass `num_classes`\.$"),
        (
            MixUp(label_mode="pairs"),
            (IMAGES, np.eye(4)),
            r"`label_mode=\"pairs\"` needs a target of class ids\. Received: y: dtype=float64",
        ),
        (
            CutMix(label_mode="union"),
            (IMAGES, {"a": IDS * 1.0, "b": IDS * 1.0}),
            r"needs a target of class ids or labels \(B, K\)\. .* if `num_classes` names them",
        ),
        (MixUp(), (IMAGES, np.full((4, 2), 7)), r"hold only 0 and 1. Received: values up to 7"),
        (MixUp(), (IMAGES, np.zeros((4, 6, 5), int)), r"class ids of pixels, which cannot be b"),
        (CutMix(), (IMAGES, np.zeros((4, 3, 5), int)), r"must have the size \(6, 5\) of `x`"),
        (CutMix(), (np.zeros((4, 7), "float32"), np.eye(4)), r"must have height and width"),
        (CutMix(), ([IMAGES, IMAGES[:, ::2]],), r"`x/1` must have the size \(6, 5\) of `x/0`"),
        (
            MixUp(),
            {"image": IMAGES},
            r"neither one of Keras.s keys, .*kinds=\{\"image\": \"images\"\}",
        ),
        (
            CutMix(),
            {"image": IMAGES, "objects": {"bbox": BOXES, "id": PLACES, "label": PLACES}},
            r'Map the batch to \{"images": batch\["image"\], "bounding_boxes": \{"boxes": '
            r'batch\["objects"\]\["bbox"\], "labels": batch\["objects"\]\["label"\]\}\}',
        ),
        (CutMix(), {"images": IMAGES, "eeg": BOXES}, r'kinds=\{"eeg": "values"\}.* Or, for boxes'),
        (
            MixUp(),
            {"images": IMAGES, "image_id": IDS},
            r"Received: [^.]*\. Leave the rest as it is, passthrough=\[\"image_id\"\]\.",
        ),
        (MixUp(), ({"a": IMAGES, "id": IDS}, np.eye(4)), r"\. For identifiers leave them, passth"),
        (
            MixUp(),
            (IMAGES, {"a": np.eye(4), "my_id": IDS}),
            r'passthrough=\["my_id"\]; pass num',
        ),
        (MixUp(), {"images": IMAGES, "bounding_boxes": {"boxes": IMAGES}}, r"must be a dict"),
        (MixUp(passthrough=["x"]), IMAGES, r"a batch must have something to mix"),
        (
            MixUp(kinds={"i": "values", "x/i": "images"}),
            ({"i": IMAGES}, np.eye(4)),
            r"`kinds` must name `x/i` once\. .* Leave out 'i' or 'x/i'\.$",
        ),
        (MixUp(), (IMAGES, IDS, IDS, IDS), r"a tuple must be .* Received: 4 entries"),
    ],
)
def test_a_batch_that_cannot_be_mixed(mixer, batch, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        mixer(batch)
    assert str(caught.value).startswith(("MixUp: ", "CutMix: ", "Mixer: "))
    assert "Arguments received" not in str(caught.value)


MASKS_OF_HALF_SIZE = np.zeros((4, 3, 5), "uint8")


@pytest.mark.parametrize(
    ("batch", "sentence"),
    [
        ((IMAGES, MASKS_OF_HALF_SIZE), "by the nearest pixel before mixing; or mix it at full"),
        (
            {"images": IMAGES, "segmentation_masks": MASKS_OF_HALF_SIZE.astype("float32")},
            "by the nearest pixel before mixing; or mix it at full",
        ),
        (({"a": IMAGES, "b": IMAGES[:, ::2].astype("uint8")},), "intensities and not ids, blend"),
        (({"a": IMAGES, "b": IMAGES[:, ::2]},), r'blend it by the .*kinds=\{"b": "values"\}'),
    ],
)
@pytest.mark.parametrize("options", [{}, {"soft_masks": True, "num_classes": 4}], ids=str)
def test_class_ids_of_another_size_are_not_to_be_blended(batch, sentence, options):
    with pytest.raises(ValueError, match=sentence) as caught:
        CutMix(**options)(batch)
    assert ("nearest" in sentence) == ("values" not in str(caught.value))


NAMED = {
    "kinds": lambda name: {"kinds": {name: "values", "text": "token_ids"}},
    "passthrough": lambda name: {"passthrough": [name]},
    "num_classes": lambda name: {"num_classes": {"species": 4, name: 10}},
    "padding_id": lambda name: {
        "kinds": {"text": "token_ids"},
        "sequences": SequenceOptions(padding_id={name: 0}),
    },
}


@pytest.mark.parametrize("option", NAMED)
def test_a_name_that_no_leaf_has(option):
    x = {"sound": np.zeros((4, 9, 2), "float32"), "text": np.ones((4, 9), int)}
    y = {"species": IDS}
    kinds = {"kinds": {"text": "token_ids"}, "num_classes": {"species": 4}}
    misspelt = CutMix(spatial_dims=1, **{**kinds, **NAMED[option]("specie")})
    sentence = rf"^CutMix: `{option}` names 'specie', which .*y/species.*"
    hint = r"Did you mean 'species'\?"
    with pytest.raises(ValueError, match=sentence + hint):
        misspelt(x, y)
    with pytest.raises(ValueError, match=sentence + hint):
        misspelt.compute_output_spec(*map(_symbolic, (x, y)))


def _symbolic(tensors):
    return {k: keras.KerasTensor(v.shape, dtype=v.dtype.name) for k, v in tensors.items()}


def test_names_beside_inputs_alone():
    with pytest.raises(
        ValueError, match=r"`passthrough` names 'id', which .* Received: a batch of x\."
    ):
        CutMix(passthrough=["id"])(IMAGES)
    with pytest.raises(
        ValueError, match=r"`kinds` names 'foo', which .* Received: a batch of x, y\."
    ):
        CutMix(kinds={"foo": "values"})(IMAGES, np.eye(4))
    # Inputs may be called without their targets.
    named = {"num_classes": {"species": 4}, "kinds": {"y/age": "values", "mask": "labels"}}
    assert CutMix(**named)(IMAGES).shape == IMAGES.shape
    inputs = keras.Input((6, 5, 3))
    assert CutMix(passthrough=["id"])(inputs).shape == (None, 6, 5, 3)


def test_whole_names_and_absent_roles_are_names():
    ids = {"a": IDS, "b": IDS}
    layer = CutMix(num_classes={"y/a": 4, "b": 5}, passthrough=["sample_weight"])
    labels = layer(IMAGES, ids)[1]
    assert (labels["a"].shape[1], labels["b"].shape[1]) == (4, 5)
    layer(IMAGES, ids, IDS)


def test_weights_without_labels():
    with pytest.raises(ValueError, match="`sample_weight` needs labels"):
        MixUp()(IMAGES, sample_weight=np.ones(4))


def test_a_graph_says_the_same_as_an_eager_call():
    unbatched = tf.data.Dataset.from_tensor_slices((IMAGES, IDS))
    with pytest.raises(ValueError, match=r"^MixUp: `y` must hold a batch of samples"):
        unbatched.map(MixUp(num_classes=4))


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        (np.array([0, 1, 2, 9]), "must hold class ids, integers from 0 to 3"),
        (np.array([0, 0.5, 2, 1]), "must hold class ids, integers from 0 to 3"),
        (np.arange(3), "must have the same number of samples"),
        (np.arange(16).reshape(4, 4), "must hold only 0 and 1"),
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
        ({"seed": True}, "Received: seed=True"),
        ({"seed": 2**63}, "`seed` must be a 64-bit integer"),
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


def test_names_of_one_leaf_in_two_options():
    with pytest.raises(
        ValueError, match=r"^CutMix: `kinds` must not name what `passthrough` .*'id' "
    ):
        CutMix(kinds={"id": "values", "x": "images"}, passthrough=["id"])
    # The end of a name may stand for one leaf, and the whole name for another.
    layer = MixUp(kinds={"i": "values", "y/i": "labels"}, num_classes=4)
    _, y = layer({"i": IDS}, {"i": IDS})
    assert y["i"].shape == (4, 4)
