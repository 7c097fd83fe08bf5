"""Images of unequal size, padded to one: their valid pixels count, and padding does not."""

import numpy as np
import pytest
import tensorflow as tf
from contract import SEEDS, seed_of

from keras_mix.layers import RICAP, CowMix, CutMix, FMix, GridMix, MixUp, RandomChoice

SIZE, HEIGHT, WIDTH = 6, 12, 10
HEIGHTS = np.array([12, 5, 9, 12, 3, 8])
WIDTHS = np.array([10, 10, 4, 7, 6, 9])
VALID = (np.arange(HEIGHT)[:, None] < HEIGHTS[:, None, None]) & (
    np.arange(WIDTH) < WIDTHS[:, None, None]
)
IDS = np.arange(SIZE)
# Each valid pixel names its image; padding is -1.
IMAGES = np.where(VALID, IDS[:, None, None], -1)[..., None].astype("float32")
KINDS = {"mask": "masks"}
BATCH = {"image": IMAGES, "mask": VALID}


@pytest.mark.parametrize(
    ("make", "compile_all"),
    [
        (CutMix, False),
        (CutMix, True),
        (FMix, False),
        (GridMix, False),
        (CowMix, False),
        (lambda **options: RandomChoice([CutMix(per="batch"), FMix()], **options), False),
    ],
)
def test_labels_are_counted_over_valid_pixels(make, compile_all):
    layer = make(num_classes=SIZE, kinds=KINDS)
    call = tf.function(layer, jit_compile=True) if compile_all else layer
    changed = 0
    for seed in SEEDS[:2]:
        x, y = call(*tf.nest.map_structure(tf.constant, (BATCH, IDS)), seed=seed_of(seed))
        pixels = x["image"].numpy().reshape(SIZE, -1, 1)
        counts = (pixels == IDS).sum(axis=1)
        np.testing.assert_allclose(y, counts / counts.sum(axis=1, keepdims=True), atol=1e-6)
        np.testing.assert_array_equal(x["mask"], x["image"][..., 0] >= 0)
        changed += (y.numpy().max(axis=1) < 1).sum()
    assert changed > 2


@pytest.mark.parametrize("dtype", ["bool", "int32", "uint8"])
def test_a_blend_keeps_its_weights_and_shows_all_pixels(dtype):
    layer = MixUp(1.0, kinds=KINDS, label_mode="pairs", pairing="roll", rate=0.7)
    x, y = layer({"image": IMAGES, "mask": VALID.astype(dtype)}, IDS, seed=seed_of())
    mixed = np.asarray(y[:, 1, 1]) > 0
    assert mixed.any()
    expected = VALID | (np.roll(VALID, -1, axis=0) & mixed[:, None, None])
    np.testing.assert_array_equal(x["mask"], expected.astype(dtype))


@pytest.mark.parametrize(
    ("layer", "mask", "sentence"),
    [
        (CutMix(kinds=KINDS), VALID[:, 1:], r"must have the size \(12, 10\) of `x/image` to mask"),
        (
            CutMix(kinds=KINDS),
            VALID * 0.5,
            r"integers, .* \(B, T\) or pixels \(B, H, W",
        ),
        (CutMix(spatial_dims=3, kinds=KINDS), VALID, r"time steps \(B, T\) or pixels"),
        (RICAP(kinds=KINDS), VALID, "cannot follow moved or resized sources"),
    ],
)
def test_masks_that_fit_no_pixels_are_refused(layer, mask, sentence):
    image = IMAGES[..., None] if layer.grid_rank == 3 else IMAGES
    with pytest.raises(ValueError, match=sentence):
        layer({"image": image, "mask": mask}, np.eye(SIZE, dtype="float32"))
