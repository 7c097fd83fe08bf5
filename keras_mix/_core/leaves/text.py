"""Texts put together: strings, or rows of token ids with padding at their end."""

import dataclasses

import tensorflow as tf

from keras_mix._core import checks
from keras_mix._core.batch.batch import axis_size
from keras_mix._core.leaf_names import key
from keras_mix._core.leaves.rule import Rule


@dataclasses.dataclass(frozen=True)
class Strings(Rule):
    """The rule of strings `(B,)` or `(B, 1)`: a mixed one is followed by its partner's.

    Attributes:
        separator: The str between the two.
    """

    separator: str

    def mix(self, plan, pool):
        own, other = pool.sources(plan)
        return strings(own, other, _joins(plan), self.separator)


@dataclasses.dataclass(frozen=True)
class TokenRows(Rule):
    """The rule of token ids `(B, L)`: a mixed row is followed by its partner's, and then padding.

    Attributes:
        max_length: The length of the rows that come out; None for twice the length L.
        padding_id: The id that fills a row's end.
        start_id: The id that opens a row, or None.
        end_id: The id that closes a row, or None.
    """

    max_length: int | None
    padding_id: int
    start_id: int | None
    end_id: int | None

    def form(self, tensor):
        return self._joined(tensor, tensor, tf.zeros([tf.shape(tensor)[0]], tf.bool))

    def mix(self, plan, pool):
        return self._joined(*pool.sources(plan), _joins(plan))

    def _joined(self, own, other, joins):
        length = self.max_length or 2 * axis_size(own, 1)
        return ids(own, other, joins, length, self.padding_id, self.start_id, self.end_id)


def bind(mixer, leaf, main):
    """The rule of a text of a `MixGen`."""
    name, shape, dtype = leaf.name, leaf.tensor.shape, leaf.tensor.dtype
    column = shape.rank == 1 or (shape.rank == 2 and shape[1] == 1)
    if dtype == tf.string and column:
        return Strings(mixer.separator)
    if not (dtype.is_integer and shape.rank == 2):
        checks.reject(
            mixer.owner,
            key(name),
            "must be strings (B,) or (B, 1), or token ids (B, L), to be put together",
            checks.described(leaf.tensor),
        )
    padding = mixer.padding_id or 0
    padding = padding.get(key(name), 0) if isinstance(padding, dict) else padding
    return TokenRows(mixer.max_length, padding, mixer.start_id, mixer.end_id)


def refuse_unknown(owner, names, leaves):
    """Refuses names in `texts` that are not those of one leaf each."""
    for name in names:
        found = [leaf for leaf in leaves if name in (leaf.name, key(leaf.name))]
        if len(found) != 1:
            checks.refuse(
                owner,
                "`texts` must name one leaf each",
                f"{name!r}, which names {len(found)} of {[leaf.name for leaf in leaves]}",
            )


def _joins(plan):
    """bool `(B,)`, which samples are joined by their partner's."""
    return (plan.weights[:, 1] > 0) & (plan.sources[:, 1] != plan.sources[:, 0])


def strings(own, other, joins, separator):
    """Each string with its partner's behind it, where it joins and neither is empty.

    Args:
        own: string [B] or [B, 1].
        other: The partners', alike.
        joins: bool [B].
        separator: str between the two.
    """
    joins = tf.reshape(joins, [-1] + [1] * (own.shape.rank - 1))
    both = tf.strings.join([own, other], separator)
    both = tf.where(tf.equal(own, ""), other, tf.where(tf.equal(other, ""), own, both))
    return tf.where(joins, both, own)


def ids(own, other, joins, length, pad, start=None, end=None):
    """int [B, length], each row's tokens, then its partner's where it joins, then padding.

    Of a joined pair of rows the first's end token and the second's start token are left out. What
    does not fit is cut, and the end token stands last then.

    Args:
        own: int [B, L].
        other: The partners', alike.
        joins: bool [B].
        length: An int or a scalar tensor.
        pad: The id that fills a row's end.
        start: The id that opens a row, or None.
        end: The id that closes a row, or None.
    """
    sizes, added = _lengths(own, pad), _lengths(other, pad)
    joins = joins & (added > 0)
    skipped = tf.zeros_like(sizes)
    if start is not None:
        opens = joins & (sizes > 0) & tf.equal(other[:, 0], tf.cast(start, other.dtype))
        skipped = tf.cast(opens, tf.int32)
    kept = sizes
    if end is not None:
        last = tf.gather(own, tf.maximum(sizes - 1, 0), batch_dims=1)
        closes = joins & (sizes > 0) & tf.equal(last, tf.cast(end, own.dtype))
        kept -= tf.cast(closes, tf.int32)
    total = kept + tf.where(joins, added - skipped, 0)
    place = tf.range(length)[None]
    first = _at(own, tf.zeros_like(sizes)[:, None] + place)
    second = _at(other, place - (kept - skipped)[:, None])
    padding = tf.cast(pad, own.dtype)
    row = tf.where(place < total[:, None], second, padding)
    row = tf.where(place < kept[:, None], first, row)
    if end is not None:
        cut = (place == length - 1) & (total > length)[:, None]
        row = tf.where(cut, tf.cast(end, own.dtype), row)
    return row


def _lengths(tokens, pad):
    """int32 [B], how many tokens there are up to the last that is no padding."""
    real = tf.not_equal(tokens, tf.cast(pad, tokens.dtype))
    place = tf.range(1, tf.shape(tokens)[1] + 1)
    return tf.reduce_max(tf.where(real, place, 0), axis=1)


def _at(tokens, place):
    """The tokens at places [B, length]; beyond the ends those at the ends."""
    return tf.gather(tokens, tf.clip_by_value(place, 0, tf.shape(tokens)[1] - 1), batch_dims=1)
