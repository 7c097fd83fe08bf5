"""The plan: who is mixed with whom, how much, and where. Drawn once, applied anywhere.

The law of a plan: `weights[i, s]` is the share of sample i that really comes from source s,
counted from the region after rounding and clipping, never the λ that was drawn.
"""

from typing import NamedTuple

import tensorflow as tf


class Plan(NamedTuple):
    """How each of B samples is made of S sources.

    Attributes:
        sources: int32 [B, S]. Column 0 is the sample itself; the others index the donors, which
            are the same batch unless partners come from a second one.
        weights: float32 [B, S], the share of each source. Every row sums to 1.
        region: What each place is made of, or None where all are blended alike. Spatial is
            H, W; T; T, F; … A leading 1 serves the whole batch.
            Hard: bool or int32 [B or 1, *spatial], the source of each place (True is source 1).
            Soft: float32 [B or 1, *spatial, S], how much of each source.
        placement: float32 [B, S, 4], the rectangle (top, left, height, width), in pixels of the
            result, in which each source's whole frame lands; it may reach over the border.
            None leaves every source in place.
    """

    sources: tf.Tensor
    weights: tf.Tensor
    region: tf.Tensor | None = None
    placement: tf.Tensor | None = None

    @property
    def hard(self):
        """Whether every place comes from exactly one source."""
        return self.region is not None and not self.region.dtype.is_floating


def blend(partners, weights):
    """A plan that blends all places alike.

    Args:
        partners: int32 [B] or [B, S - 1], the other sources of each sample.
        weights: float32 [B or 1, S], rows that sum to 1.
    """
    sources = _sources(partners)
    return Plan(sources, tf.broadcast_to(weights, tf.shape(sources)))


def paste(partners, region, count=None, placement=None):
    """A plan that takes every place from one source; the weights are counted from the region.

    Args:
        partners: int32 [B] or [B, S - 1].
        region: bool or int32 [B or 1, *spatial].
        count: int32 [B or 1], the number of places of source 1 where the caller knows it, as a
            rectangle does from its sides: for two sources it spares a pass over the region.
        placement: float32 [B, S, 4] or None.
    """
    sources = _sources(partners)
    # In double precision, since graphs may multiply by the reciprocal: so the quotient, rounded to
    # float32, is the exact one in every mode.
    places = tf.cast(tf.reduce_prod(tf.shape(region)[1:]), tf.float64)
    if count is None:
        counts = [_count(region, source) for source in range(1, sources.shape[1])]
    else:
        counts = [count]
    shares = tf.cast(tf.cast(tf.stack(counts, axis=1), tf.float64) / places, tf.float32)
    return Plan(sources, _weights(shares, sources), region, placement)


def soft(partners, region, placement=None):
    """A plan whose sources share every place; the weights are the region's means.

    Args:
        partners: int32 [B] or [B, S - 1].
        region: float32 [B or 1, *spatial, S] that sums to 1 over S.
        placement: float32 [B, S, 4] or None.
    """
    sources = _sources(partners)
    spatial = list(range(1, region.shape.rank - 1))
    shares = tf.reduce_mean(region[..., 1:], axis=spatial)
    return Plan(sources, _weights(shares, sources), region, placement)


def keep_unmixed(plan, mixed, frame=None, crossed=False):
    """The plan with some samples left as they are.

    Args:
        plan: The plan to change.
        mixed: bool [B or 1], False where a sample (or the whole batch) stays itself.
        frame: (height, width) of the grid, needed where the plan has a placement.
        crossed: Whether the donors are another batch, which holds no sample's self: there the
            weight of zero must do.
    """
    own = tf.one_hot(0, plan.sources.shape[1])
    weights = tf.where(mixed[:, None], plan.weights, own)
    sources, region, placement = plan.sources, plan.region, plan.placement
    if not crossed:
        sources = tf.where(mixed[:, None], sources, sources[:, :1])
    if region is not None:
        mixed_places = tf.reshape(mixed, [-1] + [1] * (region.shape.rank - 1))
        unmixed = tf.zeros([], region.dtype) if plan.hard else own
        region = tf.where(mixed_places, region, unmixed)
    if placement is not None:
        whole = tf.stack([0.0, 0.0, tf.cast(frame[0], tf.float32), tf.cast(frame[1], tf.float32)])
        placement = tf.where(mixed[:, None, None], placement, whole)
    return Plan(sources, weights, region, placement)


def _sources(partners):
    others = partners if partners.shape.rank == 2 else partners[:, None]
    return tf.concat([tf.range(tf.shape(others)[0])[:, None], others], axis=1)


def _weights(shares, sources):
    """What the others leave is the sample's own, so that a row sums to 1 as floats can."""
    own = 1.0 - tf.reduce_sum(shares, axis=1, keepdims=True)
    return tf.broadcast_to(tf.concat([own, shares], axis=1), tf.shape(sources))


def _count(region, source):
    places = region if region.dtype == tf.bool else tf.equal(region, source)
    spatial = list(range(1, region.shape.rank))
    return tf.reduce_sum(tf.cast(places, tf.int32), axis=spatial)
