"""Concatenated texts: strings, or rows of token ids padded at the end."""

import dataclasses

from keras_mix._core import checks, dtypes
from keras_mix._core.backend import xp
from keras_mix._core.backend.axes import axis_size
from keras_mix._core.leaf_names import key
from keras_mix._core.leaves.rule import Rule


@dataclasses.dataclass(frozen=True)
class Strings(Rule):
    """The rule of strings `(B,)` or `(B, 1)`: the partner's string is appended to a mixed one.

    Attributes:
        separator: str between the two.
    """

    separator: str

    def mix(self, plan, pool):
        own, other = pool.sources(plan)
        return strings(own, other, _joins(plan), self.separator)


@dataclasses.dataclass(frozen=True)
class TokenRows(Rule):
    """The rule of token ids `(B, L)`: the partner's tokens are appended to a mixed row.

    Attributes:
        max_length: The length of the returned rows; None for 2 · L.
        padding_id: The id that pads a row at its end.
        start_id: The id of the first token of a row, or None.
        end_id: The id of the last token of a row, or None.
    """

    max_length: int | None
    padding_id: int
    start_id: int | None
    end_id: int | None

    def form(self, tensor):
        return self._joined(tensor, tensor, xp.zeros([xp.shape(tensor)[0]], "bool"))

    def mix(self, plan, pool):
        return self._joined(*pool.sources(plan), _joins(plan))

    def _joined(self, own, other, joins):
        length = self.max_length or 2 * axis_size(own, 1)
        return ids(own, other, joins, length, self.padding_id, self.start_id, self.end_id)


def bind(mixer, leaf, grid):
    """The rule of a text of a `MixGen`."""
    name, shape, dtype = leaf.name, leaf.tensor.shape, dtypes.of(leaf.tensor)
    column = len(shape) == 1 or (len(shape) == 2 and shape[1] == 1)
    if dtype == "string" and column:
        return Strings(mixer.separator)
    if not (dtypes.is_integer(dtype) and len(shape) == 2):
        checks.reject(
            mixer.owner,
            key(name),
            "must be strings (B,) or (B, 1), or token ids (B, L), to be concatenated",
            checks.described(leaf.tensor),
        )
    padding = mixer.sequence_options.padding_id or 0
    padding = padding.get(key(name), 0) if isinstance(padding, dict) else padding
    return TokenRows(mixer.max_length, padding, mixer.start_id, mixer.end_id)


def refuse_unknown(owner, names, leaves):
    """Refuses names in `texts` that do not match exactly one leaf."""
    for name in names:
        found = [leaf for leaf in leaves if name in (leaf.name, key(leaf.name))]
        if len(found) != 1:
            checks.refuse(
                owner,
                "each name in `texts` must match one input",
                f"{name!r}, which matches {len(found)} of {[leaf.name for leaf in leaves]}",
            )


def _joins(plan):
    """bool `(B,)`, which samples have the text of a partner appended."""
    return (plan.weights[:, 1] > 0) & (plan.sources[:, 1] != plan.sources[:, 0])


def strings(own, other, joins, separator):
    """Appends the partners' strings; the separator is left out if either is empty.

    Args:
        own: string `(B,)` or `(B, 1)`.
        other: The strings of the partners, of the same shape.
        joins: bool `(B,)`, where to append.
        separator: str between the two.
    """
    joins = xp.reshape(joins, [-1] + [1] * (len(own.shape) - 1))
    both = xp.join([own, other], separator)
    both = xp.where(xp.equal(own, ""), other, xp.where(xp.equal(other, ""), own, both))
    return xp.where(joins, both, own)


def ids(own, other, joins, length, pad, start=None, end=None):
    """Appends the partners' tokens and pads.

    Between two joined rows, the end token of the first and the start token of the second are left
    out. Rows that are too long are truncated, and their last token becomes the end token.

    Args:
        own: Integers `(B, L)`.
        other: The rows of the partners, of the same shape.
        joins: bool `(B,)`, where to append.
        length: An int or a scalar tensor.
        pad: The id that pads a row at its end.
        start: The id of the first token of a row, or None.
        end: The id of the last token of a row, or None.

    Returns:
        Integers `(B, length)`.
    """
    sizes, added = _lengths(own, pad), _lengths(other, pad)
    joins = joins & (added > 0)
    skipped = xp.zeros_like(sizes)
    if start is not None:
        opens = joins & (sizes > 0) & xp.equal(other[:, 0], xp.cast(start, other.dtype))
        skipped = xp.cast(opens, "int32")
    kept = sizes
    if end is not None:
        last = xp.gather(own, xp.maximum(sizes - 1, 0), batch_dims=1)
        closes = joins & (sizes > 0) & xp.equal(last, xp.cast(end, own.dtype))
        kept = kept - xp.cast(closes, "int32")
    total = kept + xp.where(joins, added - skipped, 0)
    index = xp.range(length)[None]
    first = _at(own, xp.zeros_like(sizes)[:, None] + index)
    second = _at(other, index - (kept - skipped)[:, None])
    padding = xp.cast(pad, own.dtype)
    row = xp.where(index < total[:, None], second, padding)
    row = xp.where(index < kept[:, None], first, row)
    if end is not None:
        cut = (index == length - 1) & (total > length)[:, None]
        row = xp.where(cut, xp.cast(end, own.dtype), row)
    return row


def _lengths(tokens, pad):
    """int32 `(B,)`, one past the last token that is not padding."""
    valid = xp.not_equal(tokens, xp.cast(pad, tokens.dtype))
    ends = xp.range(1, xp.shape(tokens)[1] + 1)
    return xp.reduce_max(xp.where(valid, ends, 0), axis=1)


def _at(tokens, index):
    """The tokens at indices `(B, length)`, clipped to the row."""
    return xp.gather(tokens, xp.clip_by_value(index, 0, xp.shape(tokens)[1] - 1), batch_dims=1)
