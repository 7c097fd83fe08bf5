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
            Box: a tuple of bool [B or 1, size], one for each spatial axis, True along source 1's
            part; it stands for their product, a hard region, which is not rendered before the
            compiled part applies it.
            Soft: float32 [B or 1, *spatial, S], how much of each source.
        placement: float32 [B, S, 4], the rectangle (top, left, height, width), in pixels of the
            result, in which each source's whole frame lands; it may reach over the border.
            None leaves every source in place.
    """

    sources: tf.Tensor
    weights: tf.Tensor
    region: tf.Tensor | tuple | None = None
    placement: tf.Tensor | None = None

    @property
    def hard(self):
        """Whether every place comes from exactly one source."""
        if isinstance(self.region, tuple):
            return True
        return self.region is not None and not self.region.dtype.is_floating

    def rendered(self):
        """The same plan, with a box as a region of places."""
        if not isinstance(self.region, tuple):
            return self
        region = True
        for axis, inside in enumerate(self.region):
            shape = [1] * len(self.region)
            shape[axis] = tf.shape(inside)[1]
            region &= tf.reshape(inside, [-1, *shape])
        return self._replace(region=region)


def blend(partners, weights):
    """A plan that blends all places alike.

    Args:
        partners: int32 [B] or [B, S - 1], the other sources of each sample.
        weights: float32 [B or 1, S], rows that sum to 1.
    """
    sources = _sources(partners)
    return Plan(sources, tf.broadcast_to(weights, tf.shape(sources)))


def paste(partners, region, placement=None):
    """A plan that takes every place from one source; the weights are counted from the region.

    Args:
        partners: int32 [B] or [B, S - 1].
        region: bool or int32 [B or 1, *spatial], or a box, as in `Plan`.
        placement: float32 [B, S, 4] or None.
    """
    sources = _sources(partners)
    counts, places = _counts(region, sources.shape[1])
    # In double precision, since graphs may multiply by the reciprocal: so the quotient, rounded to
    # float32, is the exact one in every mode.
    shares = tf.cast(tf.cast(counts, tf.float64) / tf.cast(places, tf.float64), tf.float32)
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
    if isinstance(region, tuple):
        region = (region[0] & mixed[:, None], *region[1:])
    elif region is not None:
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


def _counts(region, num_sources):
    """int32 [B or 1, S - 1], the places of each source but the first; and the places in all."""
    if isinstance(region, tuple):
        lengths = [tf.reduce_sum(tf.cast(inside, tf.int32), axis=1) for inside in region]
        sizes = [tf.shape(inside)[1] for inside in region]
        return tf.reduce_prod(lengths, axis=0)[:, None], tf.reduce_prod(sizes)
    sources = [region] if region.dtype == tf.bool else _each(region, num_sources)
    spatial = list(range(1, region.shape.rank))
    counts = [tf.reduce_sum(tf.cast(places, tf.int32), axis=spatial) for places in sources]
    return tf.stack(counts, axis=1), tf.reduce_prod(tf.shape(region)[1:])


def _each(region, num_sources):
    return [tf.equal(region, source) for source in range(1, num_sources)]
