"""Keypoints: those of all sources, moved with their source, and marked where they are hidden."""

import dataclasses

from keras_mix._core import checks, dtypes
from keras_mix._core.backend import xp
from keras_mix._core.backend.axes import axis_size, filled
from keras_mix._core.batch.region_grid import refuse_other_axes
from keras_mix._core.leaves.rule import Rule
from keras_mix._core.plan import plan as plans


@dataclasses.dataclass(frozen=True)
class Keypoints(Rule):
    """The rule of keypoints `(B, N, 2)` or `(B, N, 3)`, which come out `(B, S · N, 2 or 3)`.

    Those of N objects with K keypoints each, `(B, N, K, 2 or 3)`, come out `(B, S · N, K, 2 or 3)`.

    A keypoint is (x, y) in pixels and, of three numbers, a flag above 0. It lies in the pixel of
    row floor(y) and column floor(x). With a flag of 0, or without a flag and with a coordinate
    below 0 or NaN, it is no keypoint, and stays as it is.

    Keypoint n of source s comes out as s · N + n, where its source is placed. It is (-1, -1), and
    its flag 0, if its pixel shows another source or is filled, if it lies outside an image that is
    mixed, or if its source has no weight.

    Attributes:
        number: The number of sources S that come out.
        min_visible: How much of its pixel a source must cover for a keypoint to be visible.
    """

    number: int
    min_visible: float

    weighable = False

    def form(self, tensor):
        return self._padded([tensor])

    def mix(self, plan, pool):
        plan = plans.once(plan)
        sources = enumerate(pool.sources(plan))
        return self._padded([self._of_source(plan, points, s) for s, points in sources])

    def absent(self, tensor, size):
        return filled(tensor, size, _none(tensor))

    def _of_source(self, plan, points, source):
        """The keypoints of one source, marked where the result does not show them."""
        if len(points.shape) == 4:
            size, objects, number, entries = (axis_size(points, axis) for axis in range(4))
            flat = xp.reshape(points, [size, objects * number, entries])
            moved = self._of_source(plan, flat, source)
            return xp.reshape(moved, [size, objects, number, entries])
        weight = plan.weights[:, source, None]
        xy = xp.cast(points[..., :2], "float32")
        moved, seen = xy, weight > 0
        if plan.placement is not None:
            # A placement counts rows first.
            rows_first = xp.reverse(xy, [-1])
            rows_first = plan.placement.move(rows_first, source, plan.region.sizes)
            moved = xp.reverse(rows_first, [-1])
        if plan.region is not None:
            covered, inside = _coverage(plan.coverage()[source], moved)
            # Outside of the image nothing is hidden where all of it shows one source.
            seen = seen & xp.where(
                inside, (covered > 0) & (covered >= self.min_visible), weight == 1
            )
        given = _given(points)
        # What stays in place keeps the bits that float32 would lose.
        stays = ~given[..., None] | (moved == xy)
        moved = xp.where(stays, points[..., :2], xp.cast(moved, points.dtype))
        kept = seen | (~given & (weight > 0))
        return xp.where(
            kept[..., None], xp.concat([moved, points[..., 2:]], axis=-1), _none(points)
        )

    def _padded(self, found):
        """The keypoints of the sources, in as many rows as always come out."""
        none = xp.zeros_like(found[0]) + _none(found[0])
        return xp.concat([*found, *[none] * (self.number - len(found))], axis=1)


def bind(mixer, leaf, grid):
    """The rule of keypoints."""
    shape, dtype = leaf.tensor.shape, dtypes.of(leaf.tensor)
    if len(shape) not in (3, 4) or shape[-1] not in (2, 3) or not dtypes.is_floating(dtype):
        checks.reject(
            mixer.owner,
            leaf.name,
            "must be floats (B, N, 2) or (B, N, 3) to be keypoints, or (B, N, K, 2 or 3) for K of "
            "each of N objects: x and y in pixels, and a flag that is 0 where there is none",
            checks.described(leaf.tensor),
            "Cast integers to float32; reshape (B, 2 · N) to (B, N, 2).",
        )
    refuse_other_axes(mixer, leaf)
    _check_finite(mixer, leaf)
    return Keypoints(mixer.num_sources, mixer.box_options.least_visible)


def _check_finite(mixer, leaf):
    """Refuses keypoints that exist but lie nowhere."""
    finite = xp.reduce_all(xp.is_finite(leaf.tensor[..., :2]), axis=-1)
    legal = xp.reduce_all(finite | ~_given(leaf.tensor))
    rule = "must hold finite coordinates of keypoints that exist"
    way_out = "Mark missing ones by -1, and by a flag of 0 if there are flags."
    if not xp.executing_eagerly():
        xp.checked(legal, f"{mixer.owner}: `{leaf.name}` {rule}. {way_out}")
    elif not legal:
        checks.reject(mixer.owner, leaf.name, rule, "NaN or an infinity", way_out)


def _coverage(covered, points):
    """How much of the pixel of each point a source covers, and which points lie on pixels.

    Args:
        covered: bool or float32 `(B or 1, H, W)`, how much of each pixel the source covers.
        points: float32 `(B, N, 2)`, (x, y).

    Returns:
        float32 `(B, N)` and bool `(B, N)`.
    """
    height, width = xp.unstack(xp.shape(covered))[1:]
    size = xp.stack([width, height])
    inside = xp.reduce_all((points >= 0) & (points < xp.cast(size, "float32")), axis=-1)
    x, y = xp.unstack(xp.cast(xp.floor(xp.where(inside[..., None], points, 0.0)), "int32"), axis=-1)
    pixels = xp.reshape(xp.cast(covered, "float32"), [-1, height * width])
    pixels = xp.broadcast_to(pixels, [xp.shape(points)[0], height * width])
    return xp.gather(pixels, y * width + x, batch_dims=1), inside


def _given(points):
    """bool `(B, N)`, which rows hold a keypoint."""
    if points.shape[-1] == 3:
        return points[..., 2] > 0
    return xp.reduce_all(points >= 0, axis=-1)


def _none(points):
    """The row that stands where there is no keypoint, `(2 or 3,)`."""
    return xp.constant([-1, -1, 0][: points.shape[-1]], dtypes.of(points))
