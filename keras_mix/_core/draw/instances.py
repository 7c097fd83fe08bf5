"""Objects of a partner that are pasted by their masks: which, where, and what is visible then."""

from keras_mix._core import dtypes
from keras_mix._core.backend import xp
from keras_mix._core.backend.axes import axis_size
from keras_mix._core.draw import random, subsets
from keras_mix._core.plan.object_regions import PastedObjects, Seen
from keras_mix._core.plan.placements import Resize
from keras_mix._core.plan.regions import Mask


def frames(seed, scale, flip, batch):
    """The placement of partners that are scaled and mirrored at random, as `Resize`.

    A frame that is smaller than the image lies anywhere in it; a larger one shows a random part.

    Args:
        seed: int32 `(2,)`.
        scale: Pair of floats, the range of the factor of both sides.
        flip: Float in [0, 1], the probability of mirroring left and right.
        batch: A `Batch`.
    """
    size, place, turn = random.split(seed, 3)
    grid = xp.stack(batch.grid)
    factor = random.between(size, scale, [batch.draws, 1])
    sides = xp.maximum(xp.cast(factor * xp.cast(grid, "float32"), "int32"), 1)
    sides = xp.broadcast_to(sides, [batch.size, 2])
    room = grid - sides
    corner = random.below(place, xp.abs(room) + 1) * xp.sign(room)
    mirrored = random.coin(turn, flip, batch.draws)[:, None] & xp.constant([False, True])
    corner = xp.where(mirrored, corner + sides, corner)
    frame = xp.concat([corner, xp.where(mirrored, -sides, sides)], axis=1)
    whole = xp.broadcast_to(xp.concat([[0, 0], grid], axis=0), xp.shape(frame))
    both = xp.reshape(xp.concat([whole, frame], axis=1), [-1, 2, 4])
    return Resize(xp.cast(both, "float32"))


def region(number, order, masks, listed, partners, placement, most, least, grid):
    """The region of a random subset of the objects of each partner.

    Of n objects that are there, m are pasted, uniform over 0 … min(n, `most`), any m of them
    equally likely. An object of which less than `least` would lie in the image is not there.

    Args:
        number: float32 `(B or 1,)` in [0, 1), by which the number of objects is drawn.
        order: int32 `(B or 1, N)`, random bits by which they are ordered.
        masks: `(P, N, H, W)`, nonzero inside the objects of all samples, as sources count them.
        listed: bool `(P, N)`, which objects have a box; or None if there are no boxes.
        partners: int32 `(B,)`.
        placement: `Resize` or None.
        most: int or None.
        least: Float.
        grid: (height, width).

    Returns:
        `PastedObjects`.
    """
    inside = masks if dtypes.of(masks) == "bool" else masks != 0
    size = axis_size(partners, 0)
    own, partner = inside[:size], xp.gather(inside, partners)
    total, placed = _count(partner), partner
    if placement is not None:
        sources = xp.stack([xp.range(size), partners], axis=1)
        placed = placement.read(inside, sources, (2, 3), 1, nearest=True)
        # Beyond its frame, a source repeats the pixels of its border.
        placed &= placement.inside(1, grid)[:, None]
        total *= placement.magnification(1, grid)
    total = xp.maximum(total, 1.0)
    shown = _count(placed)
    there = (shown > 0) & (shown >= xp.cast(least, "float32") * total)
    if listed is not None:
        there &= xp.gather(listed, partners)
    chosen = _subset(number, order, most, there)
    covered = xp.reduce_any(placed & chosen[..., None, None], axis=1)
    seen = xp.where(chosen, shown, 0.0)
    unmoved = chosen if placement is None else xp.zeros_like(chosen)
    pasted = Seen(seen, total, _boxes_around(placed), unmoved)
    return PastedObjects(Mask(covered), (_left(own, covered), pasted))


def _left(own, covered):
    """What is visible of a sample's own objects, under what is pasted."""
    left = own & ~covered[:, None]
    visible, total = _count(left), _count(own)
    stays = visible == total
    # An object without a mask cannot be hidden.
    empty = xp.cast(total == 0, "float32")
    return Seen(visible + empty, total + empty, _boxes_around(left), stays)


def _subset(number, order, most, there):
    """bool `(B, N)`, the objects to paste among those that are there."""
    count = subsets.size_of(there)
    if most is not None:
        count = xp.minimum(count, most)
    drawn = xp.cast(number * xp.cast(count + 1, "float32"), "int32")
    # A product may be rounded up.
    drawn = xp.minimum(drawn, count)
    return subsets.first(there, order, drawn)


def _count(masks):
    """float32 `(B, N)`, the number of pixels of each mask, exact up to 2^24."""
    return xp.cast(xp.reduce_sum(xp.cast(masks, "int32"), axis=[2, 3]), "float32")


def _boxes_around(masks):
    """float32 `(B, N, 4)`, left, top, right, bottom around masks; undefined around empty ones."""
    (top, bottom), (left, right) = (
        _ends(xp.reduce_any(masks, axis=axis), axis_size(masks, 5 - axis)) for axis in (3, 2)
    )
    return xp.cast(xp.stack([left, top, right, bottom], axis=-1), "float32")


def _ends(lines, size):
    """int32 `(B, N)`, the first True of each line and one past the last."""
    position = xp.range(size)
    end = xp.reduce_max(xp.where(lines, position + 1, 0), axis=2)
    return xp.reduce_min(xp.where(lines, position, size), axis=2), end


def feathered(covered, sigma):
    """float32 `(B, H, W)`, a mask under a Gaussian filter that ends at 3 σ.

    Args:
        covered: bool `(B, H, W)`.
        sigma: Float > 0, the standard deviation in pixels.
    """
    rows, columns = (_gaussian(axis_size(covered, axis), sigma) for axis in (1, 2))
    alpha = xp.matmul(rows, xp.cast(covered, "float32"))
    return xp.clip_by_value(xp.matmul(alpha, columns, transpose_b=True), 0.0, 1.0)


def _gaussian(size, sigma):
    """float32 `(size, size)`, the filter along one axis as rows that sum to 1, also at borders."""
    position = xp.cast(xp.range(size), "float32")
    distance = (position[:, None] - position) / sigma
    weight = xp.where(xp.abs(distance) <= 3.0, xp.exp(-0.5 * distance * distance), 0.0)
    return weight / xp.reduce_sum(weight, axis=1, keepdims=True)
