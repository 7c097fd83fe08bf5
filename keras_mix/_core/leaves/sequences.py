"""Padded sequences: lengths, masks, token ids and frame labels under a plan.

A time step of a mixed sample is valid if it is valid in its source. Mixing weights are counted over
valid time steps, so a pasted span of padding has no weight (see `padding`).
"""

import dataclasses
import functools
import operator

from keras_mix._core import checks, dtypes
from keras_mix._core.backend import xp
from keras_mix._core.backend.axes import columns
from keras_mix._core.batch.value_checks import check_whole
from keras_mix._core.leaf_names import entry, key
from keras_mix._core.leaves.dense import Dense
from keras_mix._core.leaves.labels import Labels
from keras_mix._core.leaves.rule import Rule


@dataclasses.dataclass(frozen=True)
class Lengths(Rule):
    """The rule of lengths, integers `(B,)`: one past the last valid step of the mixed sample.

    If whole samples are blended, this is the largest length of a source with a weight above 0.
    """

    dtype: str
    owner: str = "Mixer"

    tells_validity = True

    def mix(self, plan, pool):
        if plan.region is None:
            lengths = xp.stack(pool.sources(plan), axis=1)
            return xp.reduce_max(xp.where(plan.weights > 0, lengths, 0), axis=1)
        size = plan.region.sizes[0]
        valid = mixed(plan, pool.map(lambda lengths: of_lengths(lengths, size)))
        return xp.cast(lengths_of(valid), self.dtype)

    def valid(self, tensor, size):
        return of_lengths(tensor, size)


@dataclasses.dataclass(frozen=True)
class ValidityMasks(Rule):
    """The rule of masks, True or 1 at valid steps `(B, T)`, or at valid pixels `(B, H, W)`.

    They are cut with their sequences or images; the union if samples are blended.
    """

    axes: tuple | None = dataclasses.field()  # no default
    dtype: str
    owner: str = "Mixer"

    tells_validity = True

    def mix(self, plan, pool):
        plan = plan if self.axes else plan._replace(region=None)
        return xp.cast(mixed(plan, pool.map(lambda x: xp.cast(x, "bool"))), self.dtype)

    def valid(self, tensor, size):
        # A mask that is not on the grid does not refer to its time steps.
        return xp.cast(tensor, "bool") if self.axes else None


@dataclasses.dataclass(frozen=True)
class TokenIds(Dense):
    """The rule of token ids `(B, L)`, which are pasted.

    Attributes:
        padding_id: The id of padding, or None.
        special_tokens: The number of valid tokens to keep at the start and at the end, a pair; or
            None.
    """

    padding_id: int | None = None
    special_tokens: tuple | None = None
    owner: str = "Mixer"

    nearest = True

    @property
    def tells_validity(self):
        return self.padding_id is not None or self.special_tokens is not None

    def form(self, tensor):
        return tensor

    def mix(self, plan, pool):
        if plan.combine.fills and isinstance(plan.combine.value, str):
            checks.refuse(
                self.owner,
                "token ids cannot be filled with their mean",
                f'fill_value="{plan.combine.value}"',
                "Pass the id of a token, such as that of the mask token.",
            )
        return self.pasted(plan, pool)

    def valid(self, tensor, size):
        if self.padding_id is not None:
            return tensor != xp.cast(self.padding_id, tensor.dtype)
        return xp.ones_like(tensor, "bool") if self.special_tokens else None


@dataclasses.dataclass(frozen=True)
class FrameLabels(Labels):
    """The rule of labels of frames `(B, T, ...)`, weighted by the sources of each frame.

    Attributes:
        axes: `(1,)` if the frames are on the region's grid, else None.
        steps: The number of time steps of the grid that a label is of.
    """

    axes: tuple | None = None
    owner: str = "Mixer"
    steps: int = 1

    def mix(self, plan, pool):
        pool = pool.map(self.form)
        if plan.number == 1:
            return pool.own
        weights = xp.unstack(plan.weights[:, None], axis=2)
        if self.axes is not None and plan.region is not None:
            refuse_moved(plan, self.owner)
            weights = [_means(each, self.steps) for each in weights_of_frames(plan)]
        trailing = [1] * (len(pool.own.shape) - 2)
        weights = [xp.reshape(w, [*xp.unstack(xp.shape(w)), *trailing]) for w in weights]
        return self.combined(pool.sources(plan), weights)

    def is_binary(self, shape):
        return len(shape) == 2 or shape[-1] == 1


def of_lengths(lengths, size):
    """bool `(B, size)`, True at the valid steps by lengths `(B,)`."""
    return xp.range(size) < xp.cast(lengths, "int32")[:, None]


def lengths_of(valid):
    """int32 `(B,)`, one past the last valid step; 0 if there is none."""
    steps = xp.range(1, xp.shape(valid)[1] + 1)
    return xp.reduce_max(xp.where(valid, steps, 0), axis=1)


def mixed(plan, pool):
    """bool `(B, T)`, the valid steps of the mixed samples.

    Under a region, a step is valid if any position of it is valid in its source; without one, if it
    is valid in any source with a weight above 0.
    """
    if plan.number == 1:
        return pool.own
    if plan.region is None:
        pairs = zip(pool.sources(plan), columns(plan.weights > 0, pool.own), strict=True)
        return functools.reduce(operator.or_, [valid & mixed for valid, mixed in pairs])
    covered = valid_coverage(plan, pool)
    if not plan.hard:
        covered = [weights > 0 for weights in covered]
    positions = functools.reduce(operator.or_, covered)
    return xp.reduce_any(positions, axis=list(range(len(pool.own.shape), len(positions.shape))))


def valid_coverage(plan, pool):
    """`plan.coverage()` restricted to the valid steps of each source.

    Args:
        plan: A `plan.Plan` with a region.
        pool: A `Pool` of bool `(B, T)`, the valid steps along the first axis of the region; or of
            `(B, *grid)`, its valid positions.
    """
    covered = plan.coverage()
    trailing = (..., *[None] * (len(covered[0].shape) - len(pool.own.shape)))
    pairs = zip([valid[trailing] for valid in pool.sources(plan)], covered, strict=True)
    if plan.hard:
        return [valid & positions for valid, positions in pairs]
    return [xp.where(valid, weights, 0.0) for valid, weights in pairs]


def weights_of_frames(plan):
    """A list of float32 `(B or 1, T)`, the weight of each source in each frame.

    Frames are the steps along the first axis of the region; the weights are means over the others.
    """
    others = [xp.cast(covered, "float32") for covered in plan.coverage_by_others()]
    others = [xp.reduce_mean(each, axis=list(range(2, len(each.shape)))) for each in others]
    return [xp.maximum(1.0 - xp.add_n(others), 0.0), *others]


def _means(weights, steps):
    """The means `(B or 1, T / steps)` of weights `(B or 1, T)` over spans of time steps."""
    if steps == 1:
        return weights
    return xp.reduce_mean(xp.reshape(weights, [xp.shape(weights)[0], -1, steps]), axis=2)


def refuse_moved(plan, owner="Mixer"):
    """Refuses sources that are moved or resized."""
    if plan.placement is not None:
        checks.refuse(
            owner,
            "lengths, masks and labels of time steps cannot follow moved or resized sources",
            "a mixer that moves or resizes its sources",
            "Use one that does not, such as CutMix, SpecMix or MixUp.",
        )


def bind_lengths(mixer, leaf, grid):
    """The rule of lengths."""
    if len(leaf.tensor.shape) != 1 or not dtypes.is_integer(leaf.tensor):
        rule = "must be integers (B,), the number of valid time steps of each sample"
        checks.reject(mixer.owner, leaf.name, rule, checks.described(leaf.tensor))
    return Lengths(dtypes.of(leaf.tensor), mixer.owner)


def bind_validity_masks(mixer, leaf, grid):
    """The rule of masks of valid time steps."""
    rank = len(leaf.tensor.shape)
    of_pixels = rank == 3 and (len(grid.axes) == 2 if grid else leaf.tensor.shape[2] != 1)
    if (rank != 2 and not of_pixels) or dtypes.is_floating(leaf.tensor):
        rule = "must be booleans or integers, 1 at valid time steps (B, T) or pixels (B, H, W)"
        checks.reject(mixer.owner, leaf.name, rule, checks.described(leaf.tensor))
    if of_pixels and grid is not None:
        found = grid.alignment(leaf.tensor.shape)
        if found is None:
            rule = f"must have the size {grid.known} of `{grid.leaf.name}` to mask its pixels"
            checks.reject(mixer.owner, leaf.name, rule, checks.described(leaf.tensor))
        return ValidityMasks(found.axes, dtypes.of(leaf.tensor), mixer.owner)
    return ValidityMasks(_time_axis(leaf, grid), dtypes.of(leaf.tensor), mixer.owner)


def bind_token_ids(mixer, leaf, grid):
    """The rule of token ids."""
    if len(leaf.tensor.shape) != 2 or not dtypes.is_integer(leaf.tensor):
        rule = "must be integers (B, L) to be token ids"
        checks.reject(mixer.owner, leaf.name, rule, checks.described(leaf.tensor))
    axes = _time_axis(leaf, grid)
    if not mixer.pastes or mixer.grid_rank != 1 or axes is None:
        checks.reject(
            mixer.owner,
            leaf.name,
            "holds token ids, which cannot be blended or cut along two axes",
            checks.described(leaf.tensor),
            "Mix the output of the embedding, keras_mix.models.ManifoldMixup(model, "
            "mix_at=[…]); or cut spans of tokens, CutMix(spatial_dims=1); or leave them, "
            f'passthrough=["{key(leaf.name)}"].',
        )
    rule = TokenIds(axes, dtypes.of(leaf.tensor), leaf.target, owner=mixer.owner)
    return with_ends(rule, mixer, leaf)


def _time_axis(leaf, grid):
    return None if grid is None else grid.time_axis(leaf)


def with_ends(rule, mixer, leaf):
    """The rule of token ids with the padding and the special tokens of a mixer."""
    options = mixer.sequence_options
    padding = options.padding_id
    padding = entry(padding, leaf.name) if isinstance(padding, dict) else padding
    return dataclasses.replace(rule, padding_id=padding, special_tokens=options.special_tokens)


def bind_frame_labels(mixer, leaf, grid):
    """The rule of frame labels."""
    timed = len(leaf.tensor.shape) > 1
    axes = _time_axis(leaf, grid) if timed else None
    cut, steps = grid is not None and timed and not grid.is_of_video(leaf), 1
    if cut and axes is None and grid.known[0] % max(leaf.tensor.shape[1], 1) == 0:
        axes, steps = (1,), grid.known[0] // leaf.tensor.shape[1]
    if not timed or (cut and axes is None):
        beside, way_out = "", ""
        if grid is not None:
            beside = f", one for each time step of `{grid.leaf.name}`, or for each of equal spans"
            way_out = f"Repeat or pool them to {grid.known[0]} time steps, or to a divisor of that."
        rule = f"must be frame labels (B, T, …){beside}"
        checks.reject(mixer.owner, leaf.name, rule, checks.described(leaf.tensor), way_out)
    if dtypes.is_integer(leaf.tensor) and mixer.label_mode != "values":
        # Averaged ids would be other classes.
        rule = "must hold 0 and 1, since integer frame labels are indicators"
        way_out = 'One-hot encode class ids, (B, T, K), or pass label_mode="values" for numbers.'
        check_whole(mixer.owner, leaf, rule, way_out, lowest=0, highest=1)
    union = mixer.label_mode == "union"
    return FrameLabels(leaf.precise_dtype, union, axes=axes, owner=mixer.owner, steps=steps)
