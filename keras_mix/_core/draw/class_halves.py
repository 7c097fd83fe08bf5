"""The region of half of the classes of a partner's segmentation mask."""

from keras_mix._core.backend import xp
from keras_mix._core.draw import subsets
from keras_mix._core.plan.regions import Mask


def ids_of(masks, channels_last):
    """The class ids `(B, H, W)` of masks: of ids `(B, H, W)`, `(B, H, W, 1)`, or probabilities."""
    if len(masks.shape) == 3:
        return masks
    axis = -1 if channels_last else 1
    if masks.shape[axis] == 1:
        return xp.squeeze(masks, axis=axis)
    return xp.argmax(masks, axis=axis, output_type="int32")


def region(order, ids, partners, num_classes, grid):
    """The region that shows ⌊n / 2⌋ of the n classes in the mask of each partner.

    Args:
        order: int32 `(B or 1, K)`, random bits by which classes are ordered.
        ids: `(P, H, W)`, the class ids of all samples, as sources count them. Those outside of
            0 … K - 1 are no classes.
        partners: int32 `(B,)`.
        num_classes: int K.
        grid: (height, width).

    Returns:
        `Mask`.
    """
    ids = xp.cast(ids, "int32")
    known = (ids >= 0) & (ids < num_classes)
    ids = xp.where(known, ids, num_classes)
    there = xp.gather(_present(ids, num_classes), partners)
    chosen = subsets.first(there, order, subsets.size_of(there) // 2)
    chosen = xp.pad(chosen, [[0, 0], [0, 1]])
    return Mask(xp.gather(chosen, xp.gather(ids, partners), batch_dims=1))


def _present(ids, num_classes):
    """bool `(P, K)`, the classes of which each mask has a pixel; K is none of them."""
    size = xp.shape(ids)[0]
    numbers = ids + (num_classes + 1) * xp.range(size)[:, None, None]
    places = xp.reshape(numbers, [-1, 1])
    seen = xp.bincount(places, minlength=size * (num_classes + 1))
    return xp.reshape(seen > 0, [size, num_classes + 1])[:, :num_classes]
