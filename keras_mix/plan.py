"""The plan: who is mixed with whom, how much, and where. Drawn once, applied anywhere.

The law of a plan: `weights[i, s]` is the share of sample i that really comes from source s,
counted from the region after rounding and clipping, never the λ that was drawn.
"""

import functools
import itertools
import operator
from typing import NamedTuple

import tensorflow as tf

# As many places are counted side by side.
_PIECES = 16


class Plan(NamedTuple):
    """How each of B samples is made of S sources.

    Attributes:
        sources: int32 [B, S]. Column 0 is the sample itself; the others index the donors, which
            are the same batch unless partners come from a second one.
        weights: float32 [B, S], the share of each source. Every row sums to 1.
        region: What each place is made of, or None where all are blended alike. Spatial is
            H, W; T; T, F; … A leading 1 serves the whole batch.
            Hard: bool or int32 [B or 1, *spatial], the source of each place (True is source 1).
            Hard, by axes: a tuple of one tensor for each spatial axis, which is not rendered
            before the compiled part applies it. A box: bool [B or 1, size], True along source
            1's part. Several: bool [B or 1, N, size]. Blocks around a point, as many as axes can
            tell apart: int32 [B or 1, size], 0 before it and then 2^(axes - 1 - axis), so that
            the sum is the source.
            Soft: float32 [B or 1, *spatial, S], how much of each source.
        placement: Where each source's whole frame lands, in pixels of the result; it may reach
            over the border. int32 [B, S, axes], its first corner, at its own size; or float32
            [B, S, 4], the rectangle (top, left, height, width) that it is resized to. None
            leaves every source in place.
        fill: What the inputs' places beyond the last source are filled with: a number, or "mean",
            each sample's own for each channel. None where there are none such.
        label_weights: float32 [B, S], the weights of labels where a rule that was asked for sets
            them otherwise than the law does. None: the weights.
        gains: float32 [B, S], what inputs on the grid are multiplied by before they are added up,
            in a blend where that is not the weights, as for sounds. None: the weights.
        exponent: Where inputs on the grid are logarithms, a number k by which their blend is that
            of exp(k · input). None: of the inputs as they are.
    """

    sources: tf.Tensor
    weights: tf.Tensor
    region: tf.Tensor | tuple | None = None
    placement: tf.Tensor | None = None
    fill: tf.Tensor | float | str | None = None
    label_weights: tf.Tensor | None = None
    gains: tf.Tensor | None = None
    exponent: tf.Tensor | float | None = None

    @property
    def hard(self):
        """Whether every place comes from exactly one source."""
        if isinstance(self.region, tuple):
            return True
        return self.region is not None and not self.region.dtype.is_floating

    def rendered(self):
        """The same plan, with a region by axes as one of places."""
        return self._replace(region=rendered(self.region))

    def fixed(self, function):
        """The same plan, its weights passed through a function."""
        return self._replace(weights=function(self.weights))

    def relabelled(self, rule):
        """The same plan, with labels weighed by `rule(plan)` where a sample is mixed."""
        if self.fill is not None:
            return self
        unmixed = self.weights[:, :1] == 1
        return self._replace(label_weights=tf.where(unmixed, self.weights, rule(self)))

    def of_labels(self):
        """The plan as labels see it."""
        return self if self.label_weights is None else self._replace(weights=self.label_weights)


def blend(partners, weights, region=None):
    """A plan that blends by given weights.

    Args:
        partners: int32 [B] or [B, S - 1], the other sources of each sample.
        weights: float32 [B or 1, S], rows that sum to 1.
        region: float32 [B or 1, *spatial, S], whose expectation the weights are, where places
            are drawn apart; None where all are blended alike.
    """
    sources = _sources(partners)
    return Plan(sources, tf.broadcast_to(weights, tf.shape(sources)), region)


def paste(partners, region, placement=None):
    """A plan that takes every place from one source; the weights are counted from the region.

    Args:
        partners: int32 [B] or [B, S - 1].
        region: bool or int32 [B or 1, *spatial], or by axes, as in `Plan`.
        placement: As in `Plan`, or None.
    """
    sources = _sources(partners)
    weights = weights_of(*_counts(region, sources.shape[1]), sources)
    return Plan(sources, weights, region, placement)


def soft(partners, region, placement=None):
    """A plan whose sources share every place; the weights are the region's means.

    Args:
        partners: int32 [B] or [B, S - 1].
        region: float32 [B or 1, *spatial, S] that sums to 1 over S.
        placement: float32 [B, S, 4] or None.
    """
    sources = _sources(partners)
    spatial = list(range(1, region.shape.rank - 1))
    # XLA adds one by one: in float32 the mean of millions of places would drift.
    shares = tf.reduce_mean(tf.cast(region[..., 1:], tf.float64), axis=spatial)
    shares = tf.cast(shares, tf.float32)
    return Plan(sources, with_own(shares, sources), region, placement)


def erase(size, region, fill):
    """A plan that fills places of every sample; its label stays whole.

    Args:
        size: The number of samples B.
        region: bool [B or 1, *spatial], or boxes by axes, as in `Plan`; True where it is filled.
        fill: A number or "mean", as in `Plan`.
    """
    return Plan(tf.range(size)[:, None], tf.ones([size, 1]), region, fill=fill)


def weights_of(counts, places, sources):
    """float32 [B, S], the weights of sources by how many places are theirs.

    Args:
        counts: int32 [B or 1, S - 1], the places of each source but the first.
        places: int32, how many places there are in all; it must fit the counts.
        sources: int32 [B, S].
    """
    # In double precision, since graphs may multiply by the reciprocal: so the quotient, rounded to
    # float32, is the exact one in every mode.
    shares = tf.cast(tf.cast(counts, tf.float64) / tf.cast(places, tf.float64), tf.float32)
    return with_own(shares, sources)


def with_own(shares, sources):
    """float32 [B, S]: what the others leave is the sample's own, so that rows sum to 1.

    Args:
        shares: float32 [B or 1, S - 1], those of the others.
        sources: int32 [B, S].
    """
    # The rounded shares of several others may exceed 1.
    own = tf.maximum(1.0 - tf.reduce_sum(shares, axis=1, keepdims=True), 0.0)
    return tf.broadcast_to(tf.concat([own, shares], axis=1), tf.shape(sources))


def rendered(region):
    """A hard region of places, also if it is given by axes."""
    if not isinstance(region, tuple):
        return region
    lines = [_spread(line, axis, len(region)) for axis, line in enumerate(region)]
    blocks = lines[0].dtype != tf.bool
    places = functools.reduce(operator.add if blocks else operator.and_, lines)
    return tf.reduce_any(places, axis=1) if region[0].shape.rank == 3 else places


def is_source(region, source):
    """bool, where a hard region of places names a source other than the first."""
    return region if region.dtype == tf.bool else tf.equal(region, source)


def count(places):
    """int32 [B], how many of each sample's places are True; exact up to 2^31 - 1 of them.

    XLA adds along an axis one by one. It vectorises pieces that are added as wholes, and the
    products that add what is left: whole numbers, as many as float32 holds exactly.
    """
    places = tf.reshape(places, [tf.shape(places)[0], -1])
    size = places.shape[1]
    if tf.executing_eagerly():
        # There so many small operations take longer.
        return tf.math.count_nonzero(places, axis=1, dtype=tf.int32)
    if size is None:
        return tf.reduce_sum(tf.cast(places, tf.int32), axis=1)
    *pieces, rest = tf.split(places, [size // _PIECES] * _PIECES + [size % _PIECES], axis=1)
    counts = tf.cast(sum(tf.cast(piece, tf.int32) for piece in pieces), tf.float32)
    added = [
        tf.linalg.matvec(part, tf.ones([part.shape[1]]))
        for part in tf.split(counts, _sizes(size // _PIECES), axis=1)
    ]
    added.append(tf.reduce_sum(tf.cast(rest, tf.int32), axis=1))
    return sum(tf.cast(part, tf.int32) for part in added)


def _sizes(number):
    """The sizes of parts of a number of counts, each with a sum that float32 holds exactly."""
    most = 2**24 // _PIECES
    return [most] * (number // most) + [number % most]


def keep_unmixed(plan, mixed, frame=None, crossed=False):
    """The plan with some samples left as they are.

    Args:
        plan: The plan to change.
        mixed: bool [B or 1], False where a sample (or the whole batch) stays itself.
        frame: (height, width) of the grid, needed where the plan has a placement.
        crossed: Whether the donors are another batch, which holds no sample's self: there the
            weight of zero must do.
    """
    if not isinstance(plan, Plan):
        kept = tuple(keep_unmixed(each, mixed, frame, crossed) for each in plan.plans)
        return plan._replace(plans=kept)
    own = tf.one_hot(0, plan.sources.shape[1])
    weights = tf.where(mixed[:, None], plan.weights, own)
    sources, region, placement = plan.sources, plan.region, plan.placement
    gains = None if plan.gains is None else tf.where(mixed[:, None], plan.gains, own)
    if not crossed:
        sources = tf.where(mixed[:, None], sources, sources[:, :1])
    if isinstance(region, tuple):
        region = tuple(_where_mixed(mixed, line, tf.zeros([], line.dtype)) for line in region)
    elif region is not None:
        region = _where_mixed(mixed, region, tf.zeros([], region.dtype) if plan.hard else own)
    if placement is not None:
        whole = [0] * placement.shape[-1] if placement.dtype.is_integer else [0, 0, *frame]
        whole = tf.stack([tf.cast(number, placement.dtype) for number in whole])
        placement = _where_mixed(mixed, placement, whole)
    labels = plan.label_weights
    return plan._replace(
        sources=sources,
        weights=weights,
        region=region,
        placement=placement,
        gains=gains,
        label_weights=None if labels is None else tf.where(mixed[:, None], labels, own),
    )


def unless_alone(plan, crossed):
    """The plan of a blend, in which who is their own partner stays as they are."""
    if crossed:
        return plan
    return keep_unmixed(plan, tf.reduce_any(plan.sources != plan.sources[:, :1], axis=1))


def _where_mixed(mixed, tensor, unmixed):
    return tf.where(tf.reshape(mixed, [-1] + [1] * (tensor.shape.rank - 1)), tensor, unmixed)


def _spread(line, axis, axes):
    """A region's line along one axis, shaped to lie over all axes."""
    *leading, size = tf.unstack(tf.shape(line))
    shape = [1] * axes
    shape[axis] = size
    return tf.reshape(line, [*leading, *shape])


def _sources(partners):
    others = partners if partners.shape.rank == 2 else partners[:, None]
    return tf.concat([tf.range(tf.shape(others)[0])[:, None], others], axis=1)


def _counts(region, num_sources):
    """int32 [B or 1, S - 1], the places of each source but the first; and the places in all."""
    # The line of a sound is as long as it lasts: it is counted as all places are, not one by one.
    if isinstance(region, tuple) and region[0].shape.rank == 2 and len(region) > 1:
        sizes = [tf.shape(line)[1] for line in region]
        behind = [tf.math.count_nonzero(line, axis=1, dtype=tf.int32) for line in region]
        if region[0].dtype == tf.bool:
            return tf.reduce_prod(behind, axis=0)[:, None], tf.reduce_prod(sizes)
        # A block for each number whose bits tell on which side of the point it lies.
        sides = [(size - n, n) for size, n in zip(sizes, behind, strict=True)]
        counts = [tf.reduce_prod(block, axis=0) for block in itertools.product(*sides)]
        return tf.stack(counts[1:], axis=1), tf.reduce_prod(sizes)
    if isinstance(region, tuple) and region[0].shape.rank == 3 and region[0].shape[1] == 2:
        covered = _covered_by_two(region)
        return covered[:, None], tf.reduce_prod([tf.shape(line)[2] for line in region])
    region = rendered(region)
    counts = [count(is_source(region, source)) for source in range(1, num_sources)]
    return tf.stack(counts, axis=1), tf.reduce_prod(tf.shape(region)[1:])


def _covered_by_two(region):
    """int32 [B], the places that either of two boxes covers.

    Rendered, XLA would make the boxes anew for each place that it counts.
    """
    one, other = ([line[:, number] for line in region] for number in range(2))
    both = [line & beside for line, beside in zip(one, other, strict=True)]
    sizes = [
        tf.reduce_prod([tf.math.count_nonzero(line, 1, dtype=tf.int32) for line in box], axis=0)
        for box in (one, other, both)
    ]
    return sizes[0] + sizes[1] - sizes[2]
