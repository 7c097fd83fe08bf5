"""Building blocks of mixers of your own: plans, batches and draws.

A mixer's `sample(batch, seed)` takes a `Batch` and returns a `Plan`, made by `blend`, `paste`,
`soft` or `erase`. The functions of `random` draw numbers, each from a seed int32[2], and those of
`shapes` make regions. See `keras_mix.layers.Mixer` for an example.
"""

from keras_mix._core import checks, dtypes
from keras_mix._core.backend import Tensor, xp
from keras_mix._core.batch.batch import Batch, Leaf
from keras_mix._core.draw import random, shapes
from keras_mix._core.plan import plan as _plan
from keras_mix._core.plan.choice import Choice
from keras_mix._core.plan.combinations import Blend, Fill, Gains, LogBlend
from keras_mix._core.plan.placements import Resize, Shift
from keras_mix._core.plan.plan import PerGroup, Plan
from keras_mix._core.plan.regions import Blocks, Box, Boxes, Cells, Mask, Region, Soft, SoftBox

__all__ = [
    "Batch",
    "Blend",
    "Blocks",
    "Box",
    "Boxes",
    "Cells",
    "Choice",
    "Fill",
    "Gains",
    "Leaf",
    "LogBlend",
    "Mask",
    "PerGroup",
    "Plan",
    "Region",
    "Resize",
    "Shift",
    "Soft",
    "SoftBox",
    "blend",
    "erase",
    "paste",
    "random",
    "shapes",
    "soft",
]


def __dir__():
    return __all__


def blend(partners: Tensor, weights: Tensor, region: Soft | Tensor | None = None) -> Plan:
    """A plan that blends sources by given weights.

    Args:
        partners: int32 `(B,)` or `(B, S - 1)`. The sources of each sample besides itself.
        weights: float32 `(B or 1, S)`, rows that sum to 1. The mixing weight of each source, the
            sample itself first.
        region: float32 `(B or 1, *spatial, S)`. Weights at each position of inputs on the grid,
            with `weights` as their expectation; everything else is blended by `weights`. Defaults
            to None: all positions are blended by `weights`.

    Returns:
        A `Plan`.

    Raises:
        ValueError: If a shape or a dtype is another one, or if rows do not sum to 1. In a running
            graph the latter raises `tf.errors.InvalidArgumentError`.

    Example:

    >>> plan = keras_mix.plans.blend(tf.constant([1, 0]), tf.constant([[0.7, 0.3]]))
    >>> plan.weights.numpy()
    array([[0.7, 0.3],
           [0.7, 0.3]], dtype=float32)
    """
    partners = _partners("blend", partners)
    weights = xp.cast(weights, "float32")
    sources = 2 if len(partners.shape) == 1 else partners.shape[1] + 1
    if len(weights.shape) != 2 or weights.shape[1] != sources:
        checks.refuse(
            "keras_mix.plans.blend",
            f"`weights` must be (B or 1, {sources}), with the weight of the sample itself first",
            checks.described(weights),
            "Stack them: tf.stack([lam, 1 - lam], axis=1).",
        )
    weights = _summing_to_one("blend", "weights", weights)
    return _plan.blend(partners, weights, region if region is None else _soft("blend", region))


def paste(
    partners: Tensor, region: Region | Tensor, placement: Shift | Resize | None = None
) -> Plan:
    """A plan that takes every position from one source; the weights are counted from the region.

    A mixer that pastes states the number of axes of its regions, as `grid_rank = 2` in its class,
    and `pastes = True` if inputs are to keep their dtype.

    Args:
        partners: int32 `(B,)` or `(B, S - 1)`. The sources of each sample besides itself.
        region: `Region`, as functions of `shapes` return it; or bool (True is source 1) or int32
            `(B or 1, *spatial)`. The source of each position.
        placement: `Shift` or `Resize`. Where the frame of each source lies in the result. Defaults
            to None: every source stays where it is.

    Returns:
        A `Plan`.

    Raises:
        ValueError: If a shape or a dtype is another one.

    Example:

    >>> left = tf.range(4)[None, None, :] < 2
    >>> region = tf.broadcast_to(left, [1, 4, 4])
    >>> keras_mix.plans.paste(tf.constant([1, 0]), region).weights.numpy()
    array([[0.5, 0.5],
           [0.5, 0.5]], dtype=float32)
    """
    return _plan.paste(_partners("paste", partners), _hard("paste", region), placement)


def soft(
    partners: Tensor,
    region: Soft | SoftBox | Tensor,
    placement: Shift | Resize | None = None,
) -> Plan:
    """A plan that blends sources with weights for each position; their means are the weights.

    Args:
        partners: int32 `(B,)` or `(B, S - 1)`. The sources of each sample besides itself.
        region: `SoftBox`, as `shapes.spot` returns it; `Soft`, or float32 `(B or 1, *spatial, S)`
            that sums to 1 over S. The weight of each source at each position.
        placement: `Resize`. Where the frame of each source lies in the result. Defaults to None:
            every source stays where it is.

    Returns:
        A `Plan`.

    Raises:
        ValueError: If a shape or a dtype is another one, or if weights do not sum to 1. In a
            running graph the latter raises `tf.errors.InvalidArgumentError`.

    Example:

    >>> ramp = tf.constant([[[[1.0, 0.0], [0.5, 0.5]]]])
    >>> keras_mix.plans.soft(tf.constant([1, 0]), ramp).weights.numpy()
    array([[0.75, 0.25],
           [0.75, 0.25]], dtype=float32)
    """
    return _plan.paste(_partners("soft", partners), _soft("soft", region), placement)


def erase(size: int | Tensor, region: Region | Tensor, fill: float | str) -> Plan:
    """A plan that fills positions of each sample and keeps its label.

    Args:
        size: Integer or scalar tensor. The number of samples B.
        region: `Region`, or bool `(B or 1, *spatial)`. True at the positions to fill.
        fill: Float, or `"mean"`. Value of the filled positions; `"mean"` is the mean of each
            channel of each sample.

    Returns:
        A `Plan`.

    Raises:
        ValueError: If the region has another dtype.

    Example:

    >>> plan = keras_mix.plans.erase(2, tf.ones([1, 4, 4], tf.bool), 0.0)
    >>> plan.weights.numpy()
    array([[1.],
           [1.]], dtype=float32)
    """
    return _plan.erase(size, _hard("erase", region), fill)


def _partners(name, partners):
    partners = xp.convert_to_tensor(partners)
    if not dtypes.is_integer(partners) or len(partners.shape) not in (1, 2):
        checks.refuse(
            f"keras_mix.plans.{name}",
            "`partners` must be integers (B,) or (B, S - 1), the partners of each sample",
            checks.described(partners),
            "Draw them by `self.partners(batch, seed)`.",
        )
    return xp.cast(partners, "int32")


def _hard(name, region):
    if isinstance(region, Region):
        return region
    region = xp.convert_to_tensor(region)
    if dtypes.of(region) != "bool" and not dtypes.is_integer(region):
        checks.refuse(
            f"keras_mix.plans.{name}",
            "`region` must be bool or int32 (B or 1, *spatial), the source of each position",
            checks.described(region),
            "Compare it, or blend positions by keras_mix.plans.soft.",
        )
    return Mask(region if dtypes.of(region) == "bool" else xp.cast(region, "int32"))


def _soft(name, region):
    if isinstance(region, SoftBox):
        return region
    region = xp.cast(region.values if isinstance(region, Soft) else region, "float32")
    return Soft(_summing_to_one(name, "region", region))


def _summing_to_one(name, argument, weights):
    """The weights, refused unless they sum to 1 along the last axis but for rounding."""
    sums = xp.reduce_sum(weights, axis=-1)
    legal = xp.reduce_all(xp.abs(sums - 1.0) < 1e-3)
    rule = f"`{argument}` must sum to 1 over the sources, along the last axis"
    if xp.executing_eagerly():
        if not legal:
            received = f"sums from {xp.reduce_min(sums):g} to {xp.reduce_max(sums):g}"
            checks.refuse(f"keras_mix.plans.{name}", rule, received)
        return weights
    check = xp.checked(legal, f"keras_mix.plans.{name}: {rule}.")
    return xp.behind([check], [weights])[0]
