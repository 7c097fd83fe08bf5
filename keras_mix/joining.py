"""Texts put one behind another: strings, or rows of token ids with padding at their end."""

import tensorflow as tf

from keras_mix import checks


def index_of(owner, name, leaves):
    """The number of the leaf with this name, or with this last part of it; it must be a text."""
    found = [i for i, leaf in enumerate(leaves) if name in (leaf.name, leaf.name.split("/")[-1])]
    if len(found) != 1:
        known = [leaf.name for leaf in leaves]
        checks.refuse(
            owner,
            "`texts` must name one leaf each",
            f"{name!r}, which names {len(found)} of {known}",
        )
    tensor = leaves[found[0]].tensor
    shape = tensor.shape
    words = tensor.dtype == tf.string and (shape.rank == 1 or (shape.rank == 2 and shape[1] == 1))
    if not words and not (tensor.dtype.is_integer and shape.rank == 2):
        checks.reject(
            owner,
            name,
            "must be strings [B] or [B, 1], or token ids [B, L], to be put together",
            checks.described(tensor),
        )
    sizes = shape[0], next(leaf.tensor.shape[0] for leaf in leaves if leaf.kind != "passthrough")
    if None not in sizes and sizes[0] != sizes[1]:
        rule = "must have as many samples as the rest"
        checks.reject(owner, name, rule, f"{sizes[0]} beside {sizes[1]} samples")
    return found[0]


def as_many_as_the_rest(owner, names, leaves):
    """Checks, made as a graph runs, that there is a text for each sample."""
    rest = next(leaf.tensor for leaf in leaves if leaf.kind != "passthrough")
    rest = getattr(rest, "boxes", rest)
    texts = [leaf for leaf in leaves if {leaf.name, leaf.name.split("/")[-1]} & set(names)]
    return [
        tf.debugging.assert_equal(
            tf.shape(text.tensor)[0],
            tf.shape(rest)[0],
            f"{owner}: `{text.name}` must have as many samples as the rest.",
        )
        for text in texts
        if text.tensor.shape.rank and None in (text.tensor.shape[0], rest.shape[0])
    ]


def partners(plan, own, donor, spec):
    """The texts, those of their partners, and bool [B], which of them are joined.

    Args:
        plan: A `keras_mix.plan.Plan` of two sources; None joins none.
        own: The texts, [B] or [B, …].
        donor: Those that partners come from.
        spec: The `keras_mix.leaves.Spec` of the texts.
    """
    if plan is None:
        return own, own, tf.zeros([tf.shape(own)[0]], tf.bool)
    first, second = tf.unstack(plan.sources, axis=1)
    joins = (plan.weights[:, 1] > 0) & (spec.crossed | (second != first))
    return own, tf.gather(donor, second), joins


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
