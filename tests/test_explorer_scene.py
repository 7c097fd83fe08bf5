"""The explorer's scene: what it shows is what the mixer gives, and what its code gives again."""

import re

import explored
import numpy as np
import pytest
import tensorflow as tf

import keras_mix
from keras_mix.plot._explorer import Scene, cards, read
from keras_mix.plot._explorer.images import PNG


@pytest.fixture(scope="module")
def scene():
    return Scene(read(explored.pairs(), explored.NAMES))


@pytest.fixture(scope="module")
def structured():
    return Scene(read(explored.structured(), bounding_boxes="xyxy"))


def run(code, **given):
    """What the names stand for after the code has run."""
    names = dict(given)
    exec(code, names)
    return names


def test_labels_are_the_shares_of_the_pixels_that_are_shown(scene):
    for mixer in ("CutMix", "FMix", "RICAP"):
        picture = scene.picture(mixer, {"alpha": 4.0} if mixer != "FMix" else {}, 5)
        numbers = np.round(255 * picture.images[..., 0]).astype(int)
        counted = np.stack([(numbers == k).mean((1, 2)) for k in range(4)], axis=1)
        assert np.unique(numbers).size > 1
        np.testing.assert_allclose(picture.sources, counted, atol=1e-6)
        by_class = np.stack([counted[:, [0, 3]].sum(1), counted[:, 1], counted[:, 2]], axis=1)
        np.testing.assert_allclose(picture.labels, by_class, atol=1e-6)


@pytest.mark.parametrize(
    ("mixer", "options"),
    [
        ("CutMix", {"alpha": 0.4, "rate": 0.5}),
        ("MixUp", {"sources": 3, "label_smoothing": 0.1}),
        ("CowMix", {"fraction": (0.25, 0.5), "wrap": True}),
        ("Cutout", {"fill_value": "mean"}),
    ],
)
def test_the_code_makes_the_picture(scene, mixer, options):
    picture = scene.picture(mixer, options, 3)
    images, labels = run(picture.code, batch=explored.pairs())["mixed"]
    np.testing.assert_array_equal(np.round(255 * picture.images, 3), np.round(images, 3))
    np.testing.assert_array_equal(picture.labels, labels)
    for name, value in options.items():
        assert f"{name}={list(value) if isinstance(value, tuple) else value!r}" in picture.code


@pytest.mark.parametrize("mixer", ["CutMix", "MixUp", "Mosaic"])
def test_the_code_makes_the_objects(structured, mixer):
    picture = structured.picture(mixer, {}, 3)
    mixed = run(picture.code, batch=explored.structured())["mixed"]
    masks = mixed["segmentation_masks"].numpy()
    shown = picture.masks if mixer == "MixUp" else picture.masks.argmax(-1)
    np.testing.assert_array_equal(shown, masks)
    given = mixed["bounding_boxes"]
    for index, boxes in enumerate(picture.boxes):
        valid = given["labels"][index] != -1
        np.testing.assert_allclose(
            [box[:4] for box in boxes], given["boxes"][index][valid], atol=1e-4
        )
    assert [len(points) for points in picture.keypoints] == [
        int((points[:, 0] >= 0).sum()) for points in mixed["keypoints"].numpy()
    ]


def test_every_form_of_a_batch_is_shown():
    images, ids = explored.pairs()
    vectors = np.eye(3, dtype="float32")[ids]
    masks = np.zeros((4, 16, 16, 1), "uint8")
    dataset = tf.data.Dataset.from_tensor_slices((images, ids)).batch(4)
    forms = [
        images,
        (images, ids),
        (images, vectors, np.ones(4, "float32")),
        (tf.constant(images), tf.constant(ids)[:, None]),
        (images / 255.0, (ids > 1).astype("float32")),
        (images, masks),
        (images, {"mask": masks, "label": ids}),
        {"images": images},
        {"image": images, "label": ids, "mask": masks},
        dataset,
    ]
    for form in forms:
        shown = Scene(read(form)).picture("MixUp", {"alpha": 1.0}, 1)
        assert shown.images.shape == (4, 16, 16, 3)
        given = next(iter(dataset)) if form is dataset else form
        assert run(shown.code, batch=given, dataset=dataset)["mixed"] is not None


def test_a_dataset_is_the_source_of_its_batch():
    dataset = tf.data.Dataset.from_tensor_slices(explored.pairs()).batch(4)
    code = Scene(read(dataset)).picture("CutMix", {}).code
    assert "batch = next(iter(dataset))\n" in code
    assert "# A dataset that shuffles gives another batch than the one shown.\n" in code


def test_the_first_picture_shows_a_mixed_sample():
    # With the seed 0 both samples of this batch keep their pixels.
    scene = Scene(read(explored.pairs(2)))
    unmixed, mixed = (scene.picture("CutMix", {}, seed) for seed in (0, scene.first_seed))
    assert np.diagonal(unmixed.sources).min() > 0.9 or np.diagonal(unmixed.sources).max() < 0.1
    assert ((mixed.sources > 0.1) & (mixed.sources < 0.9)).any()


def test_pixels_to_ignore_stand_beside_classes():
    masks = np.zeros((4, 16, 16), "uint8")
    masks[:, 4:8], masks[:, 8:12] = 2, 255
    shown = Scene(read({"images": IMAGES, "masks": masks})).originals.masks
    np.testing.assert_array_equal(shown.sum((1, 2))[0], [128, 0, 64])


def test_a_constant_batch_on_a_scale_of_its_own_is_shown():
    picture = Scene(read((np.full((4, 16, 16, 3), -2.0), IDS))).picture("CutMix", {})
    np.testing.assert_array_equal(picture.images, 0.0)


IMAGES, IDS = explored.pairs()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (IMAGES[0], r"not single ones\. Received: images.shape=\(16, 16, 3\)\. Call dataset.batch"),
        ((IMAGES[0], 1), "Call dataset.batch"),
        (IMAGES[:1], "at least 2 of them"),
        (IMAGES[..., :2], r"\(B, H, W, 3\)"),
        (IMAGES.astype("int32"), "finite floats or uint8"),
        (IMAGES.astype("uint16"), "finite floats or uint8. Received: dtype=uint16"),
        ((IMAGES, IMAGES[..., 0] > 1), r"masks must be class ids.* dtype=bool.* Cast masks that"),
        ((IMAGES, {"masks": IMAGES[..., :1] / 255}), "masks must be class ids.* dtype=float64"),
        ((IMAGES, {"masks": IMAGES}), r"masks must be class ids.* shape=\(4, 16, 16, 3\)"),
        ((IMAGES, IMAGES[..., 0] // 3 * 255), "masks of 0 and 255 alone. Divide them by 255"),
        ((IMAGES, {"keypoints": np.ones((4, 2, 2), int)}), "keypoints must be floats.* Cast"),
        ((IMAGES, np.full((4, 3), np.nan)), "class ids .* from nan to nan"),
        (IMAGES * np.float32("nan"), "finite floats or uint8"),
        ((IMAGES, IDS - 1), "class ids .* from -1 to"),
        ((IMAGES, IDS + 0.5), "values from 0.5 to 2.5"),
        ((IMAGES, np.array(list("abcd"))), "class ids"),
        ((IMAGES, {"a": IDS, "b": IDS}), "one leaf of labels. Received: 'a' and 'b'"),
        ((IMAGES, {"instance_masks": IMAGES[..., 0]}), "Received: 'instance_masks', dtype=uint8"),
        ((IMAGES, {"depth": IMAGES / 255}), "Received: 'depth', dtype=float64"),
        ((IMAGES, {"of": {"a": IDS}}), "Received: 'of', a dict. Leave out"),
        ({"image_bytes": IMAGES}, "the keys 'image_bytes'"),
        (({"a": IMAGES}, IDS), "images that are a dict"),
        ([IMAGES, IDS], "a list"),
        ((IMAGES, IDS, None, None), "a tuple of 4 entries"),
        (iter([]), "next.iter.loader.."),
        (explored.structured(), 'Pass bounding_boxes="xyxy"'),
        (tf.data.Dataset.from_tensor_slices(IMAGES), "Call dataset.batch"),
        (tf.data.Dataset.from_tensor_slices(IMAGES[:0]).batch(2), "an empty dataset"),
    ],
)
def test_what_is_no_batch_is_refused_in_one_sentence(given, sentence):
    with pytest.raises(ValueError, match=sentence) as refusal:
        read(given)
    assert str(refusal.value).startswith("plot.explore: ")
    assert "\n" not in str(refusal.value)


def test_names_and_formats_that_do_not_belong_are_refused():
    with pytest.raises(ValueError, match="Received: 1 names for 3 classes"):
        read((IMAGES, IDS), ["cat"])
    with pytest.raises(ValueError, match="is for batches with boxes"):
        read((IMAGES, IDS), bounding_boxes="xyxy")
    with pytest.raises(ValueError, match="must be one of"):
        read(explored.structured(), bounding_boxes="xyz")


def test_cards_show_bars_partners_and_names_as_they_are_written(scene, structured):
    picture = scene.picture("CutMix", {"pairing": "roll"}, 5)
    text = cards.of_picture(scene, picture, "o", PNG)
    assert text.count('<figure class="kmx-card">') == 4
    assert "#1 (dog) with #2 (cow)" in text
    assert "&lt;b&gt;cat" in text
    assert "<b>cat" not in text
    bars = re.findall(r'<svg class="kmx-bar".*?</svg>', text)
    for bar, weights in zip(bars, picture.labels, strict=True):
        shown = [float(width) / 100 for width in re.findall(r'x="[\d.]+" width="([\d.]+)"', bar)]
        np.testing.assert_allclose(sorted(shown), np.sort(weights[weights > 0]), atol=1e-4)
    picture = structured.picture("Mosaic", {})
    text = cards.of_picture(structured, picture, "o", PNG)
    assert text.count("<circle") == sum(map(len, picture.keypoints)) > 0
    assert 'kmx-objects"><image' in text
    # What the page's Content-Security-Policy would block.
    assert "style=" not in text
    assert "<script" not in text


def test_partners_beyond_the_shown_samples_are_named():
    scene = Scene(read(explored.pairs(20)))
    picture = scene.picture("CutMix", {"pairing": "roll"}, 5)
    assert picture.images.shape[0] == 12
    assert "#11 (2) with #12 (0)" in cards.of_picture(scene, picture, "o", PNG)


def test_the_widget_moves_with_its_controls(monkeypatch):
    pytest.importorskip("ipywidgets")
    box = keras_mix.plot.explore((IMAGES, IDS), class_names=explored.NAMES)

    def within(widget):
        yield widget
        for child in getattr(widget, "children", ()):
            yield from within(child)

    def of(description):
        return next(w for w in within(box) if getattr(w, "description", None) == description)

    def shown():
        texts = [str(getattr(each, "value", "")) for each in within(box)]
        return [text for text in texts if "kmx-cards" in text[:50] or "kmx-code" in text[:50]]

    before = shown()
    of("alpha").value = 0.1 + 0.2
    assert "CutMix(alpha=0.3, num_classes=3)" in shown()[1]
    assert shown() != before
    of("Mixer").value = "ResizeMix"
    of("scale").value = (0.5, 0.6)
    assert "ResizeMix(scale=[0.5, 0.6], num_classes=3)" in shown()[1]
    drawn = of("seed").value
    of("Draw again").click()
    assert f"seed={drawn + 1})" in shown()[1]
    of("originals beside").value = True
    assert "kmx-beside" in shown()[0]


def test_a_notebook_without_ipywidgets_is_told_the_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ipywidgets", None)
    with pytest.raises(ImportError, match=r'pip install "keras-mix\[explore\]"'):
        keras_mix.plot.explore((IMAGES, IDS))
