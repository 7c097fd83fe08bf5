"""How sample weights are treated: one a sample as its label is, one a place as its target's is."""

import tensorflow as tf

from keras_mix import checks
from keras_mix.layers.alignment import alignment, sizes_of
from keras_mix.leaves import Spec, spatial_axes
from keras_mix.naming import key


def with_weights(mixer, leaves, specs, main):
    """The specs, those of sample weights by the targets that they weigh."""
    targets = [
        (leaf, spec)
        for leaf, spec in zip(leaves, specs, strict=True)
        if leaf.target and spec.kind not in ("bounding_boxes", "passthrough")
    ]
    return [
        _spec_of_weights(mixer, leaf, targets, main)._replace(crossed=spec.crossed)
        if leaf.kind == "sample_weights" and spec.axes is None
        else spec
        for leaf, spec in zip(leaves, specs, strict=True)
    ]


def placed(leaf, axes):
    """The spec of weights with these axes on a region's grid, or with one weight a sample."""
    return Spec("sample_weights", axes, _dtype(leaf), target=True)


def _spec_of_weights(mixer, leaf, targets, main):
    shape = leaf.tensor.shape
    if not leaf.tensor.dtype.is_floating:
        checks.reject(
            mixer.owner,
            leaf.name,
            "holds sample weights, which must be floats",
            checks.described(leaf.tensor),
            f'Cast it to float32, or name its kind, kinds={{"{key(leaf.name)}": …}}.',
        )
    if all(size == 1 for size in shape[1:]):
        return placed(leaf, None)
    named = [pair for pair in targets if _tail(pair[0].name) == _tail(leaf.name)]
    found = {
        spec: None
        for target, each in (named if len(named) == 1 else targets)
        if (spec := _beside(leaf, target, each)) is not None
        if _may_lie_on(mixer, leaf, spec.axes, main)
    }
    if not found and (not targets or any(spec.axes for _, spec in targets)):
        found = dict.fromkeys(_on_the_grid(mixer, leaf, main))
    if len(found) != 1:
        checks.reject(
            mixer.owner,
            leaf.name,
            "holds sample weights: floats (B,), (B, 1), or one for each place of one target",
            checks.described(leaf.tensor)
            + "".join(f", beside {t.name}: {checks.described(t.tensor)}" for t, _ in targets),
            f'Name the kind of what is no weight, kinds={{"{key(leaf.name)}": …}}, with '
            "labels of frames and their weights as "
            f'"frame_labels"; or leave it as it is, passthrough=["{key(leaf.name)}"].',
        )
    return next(iter(found))


def _beside(leaf, target, spec):
    """The spec of weights that are those of a target; None if their shapes tell otherwise."""
    shape, whole = leaf.tensor.shape, target.tensor.shape
    rank = shape.rank - (shape[-1] == 1)
    fits = any(
        whole.rank >= end and shape[:end].is_compatible_with(whole[:end])
        for end in {rank, shape.rank}
    )
    if not fits:
        return None
    plain = spec._replace(
        dtype=_dtype(leaf), num_classes=None, smoothing=0.0, union=False, target=True
    )
    if spec.kind == "frame_labels":
        return plain
    if spec.axes is None or rank <= spec.axes[0]:
        return plain._replace(kind="sample_weights", axes=None)
    covered = rank > spec.axes[-1]
    return plain._replace(kind="sample_weights") if covered else None


def _may_lie_on(mixer, leaf, axes, main):
    """Whether the sizes of axes are not known to be other ones than the grid's."""
    if main is None or axes is None:
        return True
    main_axes = spatial_axes(main.tensor.shape.rank, mixer.grid_rank, mixer.data_format)
    sizes = tf.TensorShape(sizes_of(leaf.tensor.shape, axes))
    return sizes.is_compatible_with(sizes_of(main.tensor.shape, main_axes[: len(axes)]))


def _on_the_grid(mixer, leaf, main):
    if main is None:
        return [placed(leaf, None)]
    shapes = leaf.tensor.shape, main.tensor.shape
    found = alignment(*shapes, mixer.grid_rank, mixer.data_format)
    return [] if found is None else [placed(leaf, found.axes)]


def _tail(name):
    """What comes behind the first part of a path, by which heads have weights of their own."""
    return name.partition("/")[2]


def _dtype(leaf):
    return tf.float64 if leaf.tensor.dtype == tf.float64 else tf.float32
