"""Sample weights: mixed as the label of a sample, or as the positions of a dense target."""

import dataclasses

from keras_mix._core import checks, dtypes
from keras_mix._core.backend.axes import compatible
from keras_mix._core.batch.region_grid import sizes_of
from keras_mix._core.leaf_names import key
from keras_mix._core.leaves.dense import Dense
from keras_mix._core.leaves.sequences import FrameLabels


@dataclasses.dataclass(frozen=True)
class SampleWeights(Dense):
    """The rule of sample weights: one for each sample or, with `axes`, one for each position."""

    target: bool = True
    group: str | None = dataclasses.field(default="labels", kw_only=True)

    nearest = True


def bind(mixer, leaves, rules, grid):
    """Completes the rules of sample weights, by those of the targets that they weigh."""
    targets = [
        (leaf, rule)
        for leaf, rule in zip(leaves, rules, strict=True)
        if leaf.target and rule is not None and rule.weighable
    ]
    return [
        _of_weights(mixer, leaf, targets, grid) if rule is None else rule
        for leaf, rule in zip(leaves, rules, strict=True)
    ]


def bind_later(mixer, leaf, grid):
    """None: the rule depends on those of the targets, see `bind`."""
    return None


def _of_weights(mixer, leaf, targets, grid):
    shape = leaf.tensor.shape
    if not dtypes.is_floating(leaf.tensor):
        checks.reject(
            mixer.owner,
            leaf.name,
            "must hold sample weights, which are floats",
            checks.described(leaf.tensor),
            f'Cast it to float32, or name its kind, kinds={{"{key(leaf.name)}": …}}.',
        )
    if all(size == 1 for size in shape[1:]):
        return SampleWeights(None, leaf.precise_dtype)
    named = [pair for pair in targets if _tail(pair[0].name) == _tail(leaf.name)]
    found = {
        rule: None
        for target, each in (named if len(named) == 1 else targets)
        if (rule := _beside(leaf, target, each)) is not None
        if isinstance(rule, FrameLabels) or _may_lie_on(leaf, rule.axes, grid)
    }
    if not found and (not targets or any(rule.axes for _, rule in targets)):
        found = dict.fromkeys(_on_the_grid(leaf, grid))
    if len(found) != 1:
        checks.reject(
            mixer.owner,
            leaf.name,
            "must hold sample weights (B,) or (B, 1), or one for each position of one target",
            checks.described(leaf.tensor)
            + "".join(f", beside {t.name}: {checks.described(t.tensor)}" for t, _ in targets),
            f'If it holds no weights, name its kind, kinds={{"{key(leaf.name)}": …}}; frame labels '
            'and their weights are both "frame_labels"; or leave it as it is, '
            f'passthrough=["{key(leaf.name)}"].',
        )
    return next(iter(found))


def _beside(leaf, target, rule):
    """The rule of weights of a target; None if their shapes do not match."""
    shape, whole = leaf.tensor.shape, target.tensor.shape
    rank = len(shape) - (shape[-1] == 1)
    matches = any(
        len(whole) >= end and compatible(shape[:end], whole[:end]) for end in {rank, len(shape)}
    )
    if not matches:
        return None
    group, dtype = rule.group or "labels", leaf.precise_dtype
    if isinstance(rule, FrameLabels):
        return FrameLabels(dtype, axes=rule.axes, steps=rule.steps, group=group)
    if rule.axes is None or rank <= rule.axes[0]:
        return SampleWeights(None, dtype, group=group)
    covered = rank > rule.axes[-1]
    return SampleWeights(rule.axes, dtype, group=group) if covered else None


def _may_lie_on(leaf, axes, grid):
    """Whether axes may lie on the grid: their known sizes equal those of the grid."""
    if grid is None or axes is None:
        return True
    return compatible(sizes_of(leaf.tensor.shape, axes), grid.known[: len(axes)])


def _on_the_grid(leaf, grid):
    if grid is None:
        return [SampleWeights(None, leaf.precise_dtype)]
    found = grid.alignment(leaf.tensor.shape)
    return [] if found is None else [SampleWeights(found.axes, leaf.precise_dtype)]


def _tail(name):
    """A leaf's name without its first part: weights of a head have the name of its target."""
    return name.partition("/")[2]
