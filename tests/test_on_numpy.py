"""Mixers on NumPy arrays, `data.on_numpy`, give what they give on TensorFlow's tensors."""

import keras
import numpy as np
import pytest
from contract import every_mixer, random_images

from keras_mix import layers, plans
from keras_mix._core.backend import namespaces
from keras_mix._core.backend.numpy_arrays import NumPyArrays
from keras_mix.data import on_numpy


def generator():
    return np.random.default_rng([1, 0, 7])


def seed():
    """The seed that a call with `generator()` draws."""
    return generator().integers(2**32, size=2, dtype=np.uint32).view(np.int32)


def assert_equal(found, expected):
    """To the bit where values are pasted, else but for the rounding of a product."""
    assert isinstance(found, np.ndarray)
    expected = np.asarray(expected)
    if expected.dtype == object:
        found = found.astype("S")
    assert found.dtype == expected.dtype or expected.dtype == object
    if expected.dtype.kind == "f":
        np.testing.assert_allclose(found, expected, rtol=2e-6, atol=2e-6)
    else:
        np.testing.assert_array_equal(found, expected)


def assert_as_on_tensorflow(layer, batch, partners=None):
    expected = layer(batch, seed=seed(), partners=partners)
    found = on_numpy(layer)(batch, generator(), partners=partners)
    keras.tree.map_structure(assert_equal, found, expected)


@every_mixer
@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_every_mixer_gives_what_it_gives_on_tensorflow(row, dtype):
    images = (255 * random_images(6, *row.grid(12, 16))).astype(dtype)
    batch = images, np.arange(6)
    if not row.make.recurs:
        assert_as_on_tensorflow(row.make(num_classes=6, **row.strong), batch)


def painted():
    """Images with labels, masks, boxes, keypoints and sample weights."""
    rng = generator()
    boxes = np.tile(np.array([[1, 2, 9, 8], [3, 3, 14, 11]], "float32"), (6, 1, 1))
    return {
        "images": rng.random((6, 12, 16, 3), np.float32),
        "labels": rng.integers(0, 5, 6),
        "segmentation_masks": rng.integers(0, 5, (6, 12, 16, 1)),
        "bounding_boxes": {"boxes": boxes, "labels": rng.integers(0, 5, (6, 2))},
        "sample_weights": rng.random(6).astype("float32"),
        "points": boxes[..., :2],
    }


@pytest.mark.parametrize("make", [layers.CutMix, layers.FMix, layers.Mosaic, layers.ResizeMix])
def test_every_kind_of_leaf(make):
    options = {"bounding_boxes": "xyxy", "kinds": {"points": "keypoints"}, "num_classes": 5}
    assert_as_on_tensorflow(make(**options), painted())


def test_mixers_of_mixers_and_pairings_and_partners_and_texts():
    images, labels = random_images(6, 12, 16), np.arange(6) % 3
    parts = [layers.CutMix(), layers.MixUp(), layers.FMix()]
    assert_as_on_tensorflow(layers.RandomChoice(parts, num_classes=3, rate=0.7), (images, labels))
    second = random_images(4, 12, 16, seed=1), np.arange(4) % 3
    assert_as_on_tensorflow(layers.CutMix(num_classes=3), (images, labels), second)
    texts = np.array([f"a text {n}" for n in range(6)])
    layer = layers.MixGen(texts=["caption"])
    assert_as_on_tensorflow(layer, ({"image": images, "caption": texts},))


LAYERS = [
    layers.CutMix(),
    layers.CutMix(per="batch"),
    layers.CutMix(spatial_dims=1),
    layers.SpecMix(),
    layers.Cutout(count=3, fill_value="mean"),
]


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
@pytest.mark.parametrize("partners", [None, random_images(4, 12, 16, seed=1)], ids=["", "second"])
def test_written_rectangles_are_those_that_are_selected(layer, partners, monkeypatch):
    if layer.erases and partners is not None:
        pytest.skip("It takes no partners.")
    images = random_images(6, 12, 16)
    before, mix = images.copy(), on_numpy(layer)
    written = mix(images, generator(), partners=partners)
    monkeypatch.setattr(NumPyArrays, "mutable", lambda self: False)
    np.testing.assert_array_equal(written, mix(images, generator(), partners=partners))
    np.testing.assert_array_equal(images, before)
    assert (written != before).any()


@keras.saving.register_keras_serializable("test_on_numpy")
class Striped(layers.Mixer):
    """Pastes every other row."""

    grid_rank, pastes = 2, True

    def sample(self, batch, seed):
        lines = [np.arange(size)[None] % 2 == step for step, size in enumerate(batch.grid)]
        return plans.paste(self.partners(batch, seed), plans.Box(tuple(lines)))


def test_lines_with_gaps_are_selected():
    images = random_images(6, 8, 8)
    mixed = on_numpy(Striped(pairing="roll"))(images, generator())
    pasted = (np.arange(8)[:, None] % 2 == 0) & (np.arange(8) % 2 == 1)
    expected = np.where(pasted[..., None], np.roll(images, -1, axis=0), images)
    np.testing.assert_array_equal(mixed, expected)


def test_a_layer_in_a_worker_has_no_state_on_a_device():
    with namespaces.using(namespaces.numpy()):
        layer = layers.CutMix()
    assert layer._seeds.generator is None
    assert layer._seeds._of_tensorflow is None
