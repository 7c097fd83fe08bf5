"""CutMix for detection: of several boxes, the one that covers least of a sample's own objects."""

import numpy as np
import pytest
import tensorflow as tf
from contract import seed_of

from keras_mix.layers import CrossModalMix, CutMix, RandomChoice

SIZE, COUNT, HEIGHT, WIDTH = 40, 3, 12, 16
RANDOM = np.random.default_rng(0)
FIRST = RANDOM.integers(0, 9, (SIZE, COUNT, 2))
BOXES = np.concatenate([FIRST, FIRST + RANDOM.integers(1, 4, (SIZE, COUNT, 2))], -1)
LABELS = np.where(RANDOM.random((SIZE, COUNT)) < 0.3, -1, RANDOM.integers(0, 9, (SIZE, COUNT)))
IMAGES = np.tile(np.arange(SIZE, dtype="uint8")[:, None, None, None], (1, HEIGHT, WIDTH, 1))
BATCH = {
    "images": IMAGES,
    "bounding_boxes": {"boxes": BOXES.astype("float32"), "labels": LABELS},
}


def covered(inside, i):
    """How much of the objects of sample i a mask `(H, W)` covers, one fraction each."""
    found = []
    for (left, top, right, bottom), label in zip(BOXES[i], LABELS[i], strict=True):
        if label != -1:
            found.append(inside[top:bottom, left:right].mean())
    return found


def box_of(mixed):
    """bool `(B, H, W)`, where each image shows the next one."""
    partner = (np.arange(SIZE) + 1) % SIZE
    return mixed["images"].numpy()[..., 0] == partner[:, None, None]


def test_the_box_that_covers_least_is_pasted_if_it_shows_an_object(monkeypatch):
    drawn = []

    class Drawn(CutMix):
        def draw_beta(self, batch, seed):
            drawn.append(super().draw_beta(batch, seed))
            return drawn[-1]

    layer = Drawn(candidates=4, pairing="roll", bounding_boxes="xyxy", jit_compile=False)
    centres = RANDOM.integers(0, [HEIGHT, WIDTH], (SIZE * 4, 2)).astype("int32")
    monkeypatch.setattr("keras_mix._core.draw.random.points", lambda *args: tf.constant(centres))
    pasted = box_of(layer(BATCH, seed=seed_of()))
    scale = np.sqrt(np.float32(1) - drawn[0].numpy())[:, None]
    sides = (scale * np.float32([HEIGHT, WIDTH])).astype(int)
    skipped = 0
    for i in range(SIZE):
        masks = np.zeros((4, HEIGHT, WIDTH), bool)
        for k in range(4):
            (row, column), (height, width) = centres[4 * i + k], sides[4 * i + k]
            top, left = row - height // 2, column - width // 2
            masks[k, max(top, 0) : max(top + height, 0), max(left, 0) : max(left + width, 0)] = True
        least = min(masks, key=lambda mask: np.float32(sum(covered(mask, i))))
        shows = max(covered(least, (i + 1) % SIZE), default=0.0) >= 0.1
        skipped += not shows
        np.testing.assert_array_equal(pasted[i], least if shows else False)
    assert 0 < skipped < SIZE


def test_fewer_objects_are_hidden():
    hidden = []
    for options in ({}, {"candidates": 5}):
        mixed = CutMix(pairing="roll", bounding_boxes="xyxy", **options)(BATCH, seed=seed_of())
        hidden.append(np.mean([np.mean([0, *covered(m, i)]) for i, m in enumerate(box_of(mixed))]))
    assert hidden[1] < 0.25 * hidden[0]


def test_results_are_the_same_in_every_mode():
    layer = CutMix(candidates=3, bounding_boxes="xyxy")

    def mix(batch):
        return layer(batch, seed=seed_of())

    expected = mix(BATCH)
    compiled = tf.function(mix, jit_compile=True)(tf.nest.map_structure(tf.constant, BATCH))
    dataset = tf.data.Dataset.from_tensor_slices(BATCH).batch(SIZE)
    for found in (compiled, next(iter(dataset.map(mix)))):
        tf.nest.map_structure(np.testing.assert_array_equal, found, expected)


def test_one_draw_serves_the_batch_and_each_sample_chooses():
    layer = CutMix(candidates=2, per="batch", pairing="roll", bounding_boxes="xyxy")
    pasted = box_of(layer(BATCH, seed=seed_of()))
    assert len(np.unique(pasted, axis=0)) <= 3
    mixed = RandomChoice([CutMix(candidates=2)], bounding_boxes="xyxy")(BATCH, seed=seed_of())
    assert mixed["images"].shape == IMAGES.shape


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: CutMix(candidates=0), "`candidates` must be an integer of at least 1"),
        (lambda: CutMix(candidates=2, spatial_dims=1), "`candidates` are compared by the boxes"),
        (lambda: CutMix(candidates=2)(IMAGES), "regions are drawn from bounding boxes, so a batch"),
        (
            lambda: CrossModalMix(cuts={"image": CutMix(candidates=2)}),
            "without moving it and read no targets",
        ),
    ],
)
def test_what_has_no_objects_to_spare_is_refused(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()
