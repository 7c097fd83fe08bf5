"""How leaves that tell of sequences are treated: lengths, masks, token ids, labels of frames."""

import tensorflow as tf

from keras_mix import checks
from keras_mix.batch import axis_size, inputs_of
from keras_mix.layers.grids import grid_of, leaf_of_the_grid
from keras_mix.leaves import Spec, spatial_axes
from keras_mix.naming import entry, key
from keras_mix.reading import known_values


def check_sequences(mixer, own, donors=()):
    """Refuses lengths and masks with values that none can have.

    XLA drops such checks: in a train step that it compiles, such values go unnoticed.
    """
    for leaf in {id(leaf): leaf for leaf in (*own, *donors) if leaf}.values():
        if leaf.kind == "lengths":
            name, longest = _longest(mixer, own)
            rule = f"must be from 0 up to the places that `{name}` has in time"
            _check_range(mixer, leaf, longest, rule, "Are these lengths of another axis?")
        elif leaf.kind == "masks" and leaf.tensor.dtype.is_integer:
            _check_range(mixer, leaf, 1, "must hold 0 and 1, or booleans", "")


def _longest(mixer, leaves):
    """The name and the size of what lengths are of."""
    main = leaf_of_the_grid(mixer, leaves)
    if main is not None:
        return main.name, grid_of(mixer, main)[0][0]
    axis = 1 if mixer.data_format == "channels_last" else -1
    inputs = [leaf for leaf in inputs_of(leaves) if leaf.tensor.shape.rank > 1]
    if not inputs:
        checks.refuse(mixer.owner, "lengths are of sequences", "none among the inputs")
    sizes = [axis_size(leaf.tensor, axis) for leaf in inputs]
    if all(isinstance(size, int) for size in sizes):
        return max(zip(sizes, (leaf.name for leaf in inputs), strict=True))[::-1]
    return inputs[0].name, tf.reduce_max(tf.stack(sizes))


def _check_range(mixer, leaf, highest, rule, way_out):
    values = known_values(leaf.tensor)
    if values is None or not isinstance(highest, int):
        # A narrow dtype need not hold the size of the axis.
        numbers = tf.cast(leaf.tensor, tf.int64)
        legal = (numbers >= 0) & (numbers <= tf.cast(highest, tf.int64))
        sentence = f"{mixer.owner}: `{leaf.name}` {rule}. {way_out}".rstrip()
        tf.debugging.assert_equal(legal, True, sentence)
    elif values.size and not (values.min() >= 0 and values.max() <= highest):
        received = f"values from {values.min()} to {values.max()}, at most {highest} are possible"
        checks.reject(mixer.owner, leaf.name, rule, received, way_out)


def _spec_of_lengths(mixer, leaf, main):
    if leaf.tensor.shape.rank != 1 or not leaf.tensor.dtype.is_integer:
        rule = "must be integers (B,), the number of real places of each sample"
        checks.reject(mixer.owner, leaf.name, rule, checks.described(leaf.tensor))
    return Spec("lengths", dtype=leaf.tensor.dtype)


def _spec_of_mask(mixer, leaf, main):
    if leaf.tensor.shape.rank != 2 or leaf.tensor.dtype.is_floating:
        rule = "must be booleans or integers (B, T), True or 1 where a place is real"
        checks.reject(mixer.owner, leaf.name, rule, checks.described(leaf.tensor))
    return Spec("masks", _time_axis(mixer, leaf, main), leaf.tensor.dtype)


def _spec_of_tokens(mixer, leaf, main):
    if leaf.tensor.shape.rank != 2 or not leaf.tensor.dtype.is_integer:
        rule = "must be integers (B, L) to be token ids"
        checks.reject(mixer.owner, leaf.name, rule, checks.described(leaf.tensor))
    axes = _time_axis(mixer, leaf, main)
    if not mixer.pastes or mixer.grid_rank != 1 or axes is None:
        checks.reject(
            mixer.owner,
            leaf.name,
            "holds token ids, which cannot be blended, nor cut along two axes",
            checks.described(leaf.tensor),
            "Mix the output of the embedding, keras_mix.models.ManifoldMixup(model, "
            "layers=[…]); or cut spans of tokens, CutMix(spatial_dims=1); or leave them, "
            f'passthrough=["{key(leaf.name)}"].',
        )
    return with_ends(Spec("token_ids", axes, leaf.tensor.dtype), mixer, leaf)


def with_ends(spec, mixer, leaf):
    """The spec of token ids with what a mixer says of padding and special tokens."""
    padding = mixer.padding_id
    padding = entry(padding, leaf.name) if isinstance(padding, dict) else padding
    return spec._replace(padding_id=padding, special_tokens=mixer.special_tokens)


def _spec_of_frames(mixer, leaf, main):
    timed = leaf.tensor.shape.rank > 1
    axes = _time_axis(mixer, leaf, main) if timed else None
    cut = main is not None and timed and not is_of_video(mixer, leaf, main)
    if not timed or (cut and axes is None):
        beside = "" if main is None else f", as many frames as `{main.name}` has in time"
        rule = f"must be labels of frames (B, T, …){beside}"
        checks.reject(mixer.owner, leaf.name, rule, checks.described(leaf.tensor))
    precise = tf.float64 if leaf.tensor.dtype == tf.float64 else tf.float32
    return Spec("frame_labels", axes, precise, union=mixer.labels == "union")


def _time_axis(mixer, leaf, main):
    """(1,) if the leaf's second axis is the first that the mixer cuts; None if it is not.

    Where a size is unknown, the running graph checks that they agree.
    """
    if main is None:
        return None
    axes = spatial_axes(main.tensor.shape.rank, mixer.grid_rank, mixer.data_format)
    if axes is None or is_of_video(mixer, leaf, main):
        return None
    sizes = leaf.tensor.shape[1], main.tensor.shape[axes[0]]
    return (1,) if None in sizes or sizes[0] == sizes[1] else None


def is_of_video(mixer, leaf, main):
    """Whether the leaf's second axis is the time of a video, each frame of which is cut alike."""
    shape = main.tensor.shape
    frames = mixer.grid_rank > 1 and shape.rank > mixer.grid_rank + 2
    return (
        frames
        and mixer.data_format == "channels_last"
        and leaf.tensor.shape[1:2].is_compatible_with(shape[1:2])
    )


SEQUENCES = {
    "lengths": _spec_of_lengths,
    "masks": _spec_of_mask,
    "token_ids": _spec_of_tokens,
    "frame_labels": _spec_of_frames,
}
