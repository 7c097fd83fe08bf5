"""CutMix: one clipped box of a partner. The laws of all: test_contract_*."""

import numpy as np
import oracles
import pytest
import tensorflow as tf
from scipy import integrate, stats

from keras_mix._core.batch.batch import Batch
from keras_mix.layers import CutMix

SEED = tf.constant([1, 2])
UNLIKELY = 1e-4


def sampled(layer, size, grid, seed=SEED):
    draws = 1 if layer.per == "batch" else size
    return layer.sample(Batch(size, size, False, draws, grid, None, None), seed)


def many(layer, grid, chunks=16, size=512):
    """The plans of `chunks` batches."""
    return [sampled(layer, size, grid, tf.constant([k, 5])) for k in range(chunks)]


def edges(region, axis):
    """The first row (column) inside each box and the first beyond it; 0 and 0 where it is empty."""
    inside = region.any(axis=2 if axis == 1 else 1)
    first = inside.argmax(axis=1)
    return first, first + inside.sum(axis=1)


@pytest.mark.parametrize("grid", [(1, 1), (2, 9), (33, 47), (224, 160)])
def test_region_is_one_box(grid):
    region = sampled(CutMix(), 64, grid).region.dense().numpy()
    (top, bottom), (left, right) = edges(region, 1), edges(region, 2)
    for i in range(64):
        box = np.zeros(grid, bool)
        box[top[i] : bottom[i], left[i] : right[i]] = True
        np.testing.assert_array_equal(region[i], box)


@pytest.mark.parametrize("per", ["sample", "batch"])
@pytest.mark.parametrize("shape", [(9, 13, 3), (9, 13, 1), (9, 13)], ids=str)
def test_images_are_pasted_as_the_plan_says(shape, per):
    layer = CutMix(per=per)
    images = np.random.default_rng(0).random((7, *shape), np.float32)
    plan = sampled(layer, 7, (9, 13))
    region = np.broadcast_to(plan.region.dense(), (7, 9, 13))
    mixed, _ = layer(images, np.eye(7, dtype="f4"), seed=SEED)
    np.testing.assert_array_equal(mixed, oracles.paste(images, plan.sources.numpy(), region))


@pytest.mark.parametrize("dtype", ["uint8", "int32"])
@pytest.mark.parametrize("channels", [(), (1,)], ids=["B,H,W", "B,H,W,1"])
def test_masks_are_cut_with_their_images(dtype, channels):
    # The mask names the sample of each pixel, as the image does.
    owner = np.tile(np.arange(6)[:, None, None], (1, 9, 13))
    images, masks = owner[..., None].astype("float32"), owner.reshape(6, 9, 13, *channels)
    mixed, cut = CutMix(alpha=8.0)(images, masks.astype(dtype), seed=SEED)
    assert cut.dtype == dtype
    np.testing.assert_array_equal(cut.numpy().reshape(mixed.shape), mixed)


def test_dense_labels_on_the_grid_are_cut_and_others_blended():
    images = np.random.default_rng(0).random((6, 9, 13, 3), np.float32)
    labels = {"map": images[..., :2], "id": np.arange(6), "score": images[:, 0, 0, :1]}
    mixed, targets = CutMix(alpha=8.0, num_classes={"id": 6})(images, labels, seed=SEED)
    np.testing.assert_array_equal(targets["map"], mixed[..., :2])
    by_row = targets["id"].numpy()
    np.testing.assert_allclose(targets["score"], by_row @ labels["score"], atol=1e-6)


def kept_share(alpha):
    """The mean share kept on a fine grid: a box of sides √(1 - λ) clipped at both borders."""

    def covered(ratio):
        # Of a side s with its centre uniform on [0, 1], s - s²/4 lies inside on average.
        side = np.sqrt(1 - ratio)
        return (side - side**2 / 4) ** 2 * stats.beta.pdf(ratio, alpha, alpha)

    return 1 - integrate.quad(covered, 0, 1)[0]


def test_kept_share_of_the_definition():
    assert abs(kept_share(1.0) - 0.679) < 0.001


@pytest.mark.parametrize("alpha", [1.0, 8.0])
def test_mean_kept_share(alpha):
    plans = many(CutMix(alpha=alpha), (224, 224))
    mean = np.mean([plan.weights[:, 0] for plan in plans])
    assert abs(mean - kept_share(alpha)) < 0.01


@pytest.fixture(scope="module")
def boxes():
    """Of boxes that no border clips: their share, and where they lie between the borders."""
    height, width = 224, 160
    found = []
    for plan in many(CutMix(alpha=1.0), (height, width), chunks=32):
        region = plan.region.dense().numpy()
        (top, bottom), (left, right) = edges(region, 1), edges(region, 2)
        whole = (top > 0) & (left > 0) & (bottom < height) & (right < width)
        top, bottom, left, right = (e[whole] for e in (top, bottom, left, right))
        # A box of height h lies free of the borders for height - h - 1 of its tops, from 1 on.
        y = (top - 0.5) / (height - (bottom - top) - 1)
        x = (left - 0.5) / (width - (right - left) - 1)
        found.append([y, x, (bottom - top) * (right - left) / (height * width), bottom - top])
    return np.concatenate(found, axis=1)


@pytest.mark.parametrize("axis", [0, 1], ids=["y", "x"])
def test_box_lies_anywhere(boxes, axis):
    assert stats.kstest(boxes[axis], "uniform").pvalue > UNLIKELY


@pytest.mark.parametrize(("one", "other"), [(0, 1), (0, 2), (1, 2)], ids=["y, x", "y, λ", "x, λ"])
def test_place_and_size_are_unrelated(boxes, one, other):
    assert stats.spearmanr(boxes[one], boxes[other]).pvalue > UNLIKELY
    assert stats.pearsonr(boxes[one], boxes[other]).pvalue > UNLIKELY


def test_box_has_the_proportions_of_the_image(boxes):
    share, height = boxes[2:]
    width = share * 224 * 160 / height
    # Both sides are rounded down from the same share of theirs.
    assert (np.abs(width / 160 - height / 224) < 1 / 160).all()


def test_place_and_partner_are_unrelated():
    plans = many(CutMix(alpha=8.0), (32, 32))
    tops = np.concatenate([edges(plan.region.dense().numpy(), 1)[0] for plan in plans])
    partners = np.concatenate([plan.sources[:, 1] for plan in plans])
    assert stats.spearmanr(tops, partners).pvalue > UNLIKELY


def test_every_pixel_is_pasted_as_often_as_the_law_says():
    height, width = 9, 12
    region = np.concatenate(
        [plan.region.dense() for plan in many(CutMix(alpha=1.0), (height, width))]
    )
    # λ ~ Beta(1, 1) is uniform; a side s reaches from center - s // 2 to center - s // 2 + s - 1.
    levels = (np.arange(500) + 0.5) / 500
    expected = np.zeros((height, width))
    for scale in np.sqrt(1 - levels):
        rows, columns = (
            sum(
                (start <= np.arange(size)) & (np.arange(size) < start + int(scale * size))
                for start in np.arange(size) - int(scale * size) // 2
            )
            / size
            for size in (height, width)
        )
        expected += np.outer(rows, columns) / len(levels)
    error = np.sqrt(expected * (1 - expected) / len(region))
    assert (np.abs(region.mean(axis=0) - expected) < 5 * error + 1 / len(levels)).all()


def test_whole_images_are_pasted_when_the_ratio_is_0():
    region = sampled(CutMix(alpha=0.01), 512, (8, 6)).region.dense().numpy()
    assert region.all(axis=(1, 2)).any()
    assert (~region.any(axis=(1, 2))).any()


def test_one_box_for_the_batch():
    plan = sampled(CutMix(per="batch"), 9, (33, 47))
    assert plan.region.dense().shape == (1, 33, 47)
    assert len(np.unique(plan.weights, axis=0)) == 1
    assert len(np.unique(plan.sources[:, 1])) == 9


def test_default_is_the_papers_choice():
    assert CutMix().alpha == 1.0


@pytest.mark.parametrize(
    ("spatial_dims", "shape"),
    [(1, (9, 4)), (2, (3, 6, 7, 2)), (3, (5, 6, 7, 2))],
    ids=["time", "one box through a video", "volumes"],
)
def test_boxes_on_any_number_of_axes(spatial_dims, shape):
    # Every place of sample i is i.
    own = np.tile(np.arange(6, dtype="f4").reshape(6, *[1] * len(shape)), (1, *shape))
    layer = CutMix(alpha=8.0, spatial_dims=spatial_dims, num_classes=6, pairing="roll")
    mixed, labels = layer(own, np.arange(6), seed=SEED)
    taken = (mixed.numpy() == (own + 1) % 6).astype("f4")
    axes = tuple(range(1, taken.ndim))
    other = labels.numpy()[np.arange(6), (np.arange(6) + 1) % 6]
    np.testing.assert_allclose(other, taken.mean(axis=axes), rtol=1e-6)
    if shape == (3, 6, 7, 2):
        np.testing.assert_array_equal(taken, taken[:, :1].repeat(3, axis=1))
    assert taken.any()
