"""Checks of the values of lengths and masks of padded sequences."""

from keras_mix._core import checks, dtypes
from keras_mix._core.backend import xp
from keras_mix._core.backend.axes import axis_size
from keras_mix._core.batch.batch import inputs_of
from keras_mix._core.leaf_names import key, position


def check_sequences(mixer, found):
    """Refuses lengths and masks with impossible values.

    XLA removes assertions, so a compiled train step does not detect such values.

    Args:
        mixer: The mixer.
        found: The `reading.Reading` of the batch.
    """
    every = [*zip(found.leaves, found.rules, strict=True)]
    if found.second:
        every += zip(found.second, found.rules, strict=True)
    for leaf, rule in every:
        if leaf and leaf.kind == "lengths":
            name, longest = _longest(mixer, found.leaves, found.grid, rule.group)
            sentence = f"must be from 0 to the number of time steps of `{name}`"
            _check_range(mixer, leaf, longest, sentence, "Check that they count time steps.")
        elif leaf and leaf.kind == "masks" and dtypes.is_integer(leaf.tensor):
            _check_range(mixer, leaf, 1, "must hold 0 and 1, or booleans", "")
    # Beside images, a mask is of something else.
    if found.grid is not None and (found.grid.leaf.kind != "images" or len(found.grid.axes) == 1):
        for leaf, rule in zip(found.leaves, found.rules, strict=True):
            if leaf.kind == "masks" and rule.axes is None:
                _check_steps(mixer, leaf, found)


def _check_steps(mixer, leaf, found):
    """Refuses a mask that is not on the grid, unless another input has as many time steps."""
    others = [other.tensor for other in found.leaves if not other.target and other.kind != "masks"]
    shapes = [other.shape for other in others if getattr(other, "shape", None) is not None]
    axis = _time_axis(mixer)
    if not any(len(shape) > 1 and shape[axis] in (None, leaf.tensor.shape[1]) for shape in shapes):
        main, steps = found.grid.leaf.name, found.grid.known[0]
        checks.reject(
            mixer.owner,
            leaf.name,
            f"must have as many time steps as `{main}` to mask them",
            f"{checks.described(leaf.tensor)} beside {steps} time steps",
            f'Cut or pad it to {steps}; or leave it as it is, passthrough=["{key(leaf.name)}"].',
        )


def _longest(mixer, leaves, grid, group):
    """The name of the input that lengths refer to, and its number of time steps.

    Args:
        mixer: The mixer.
        leaves: List of `batch.Leaf`.
        grid: The `Grid` of the mixer, or None.
        group: The name of the modality that they belong to, or None.
    """
    if group is not None:
        number = position(mixer.owner, "cuts", group, [leaf.name for leaf in leaves])
        return leaves[number].name, axis_size(leaves[number].tensor, 1)
    if grid is not None:
        return grid.leaf.name, grid.sizes[0]
    axis = _time_axis(mixer)
    inputs = [leaf for leaf in inputs_of(leaves) if len(leaf.tensor.shape) > 1]
    if not inputs:
        checks.refuse(mixer.owner, "lengths need a sequence among the inputs", "none")
    sizes = [axis_size(leaf.tensor, axis) for leaf in inputs]
    if all(isinstance(size, int) for size in sizes):
        return max(zip(sizes, (leaf.name for leaf in inputs), strict=True))[::-1]
    return inputs[0].name, xp.reduce_max(xp.stack(sizes))


def _time_axis(mixer):
    return 1 if mixer.data_format == "channels_last" else -1


def _check_range(mixer, leaf, highest, rule, way_out):
    values = xp.known(leaf.tensor)
    if values is None or not isinstance(highest, int):
        # A narrow dtype may not hold the size of the axis.
        numbers = xp.cast(leaf.tensor, "int64")
        legal = (numbers >= 0) & (numbers <= xp.cast(highest, "int64"))
        sentence = f"{mixer.owner}: `{leaf.name}` {rule}. {way_out}".rstrip()
        xp.checked(legal, sentence)
    elif values.size and not (values.min() >= 0 and values.max() <= highest):
        received = f"values from {values.min()} to {values.max()}, not from 0 to {highest}"
        checks.reject(mixer.owner, leaf.name, rule, received, way_out)
