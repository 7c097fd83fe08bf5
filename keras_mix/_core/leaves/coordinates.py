"""Refuses float targets that may be coordinates if a mixer cuts or moves the inputs."""

import math

from keras_mix._core import checks, kinds
from keras_mix._core.batch.value_checks import check_shares
from keras_mix._core.leaf_names import entry, key

_BOXES, _POINTS = (kinds.ALL[name].aliases for name in ("bounding_boxes", "keypoints"))


def refuse_coordinates(mixer, leaf, found, grid):
    """Refuses float targets with positions that are not those of the region's grid.

    One vector for each sample, `(B,)`, `(B, K)` or `(B, 1, K)`, is blended by the weights. Several
    vectors belong to positions, which must lie on the grid to be cut with the inputs. All frames of
    a video are cut alike, so labels of frames are blended, too. A box `(B, 4)` and labels of four
    classes have the same shape and are distinguished by their values, which are from 0 to 1 for
    labels; unknown values are checked when the graph runs.

    Args:
        mixer: The mixer.
        leaf: A float target.
        found: Its `Alignment` with the grid, or None.
        grid: The `Grid` of the mixer, or None.
    """
    stated = entry(mixer.kinds, leaf.name)
    if found is not None or mixer.erases or stated == "values":
        return
    of_video = grid is not None and grid.is_of_video(leaf)
    if _has_positions(leaf, of_video, stated, mixer.draws_regions):
        checks.refuse(
            mixer.owner,
            f"no rule applies to `{leaf.name}`, since floats that are not labels must lie on the "
            "grid of the inputs to be cut",
            checks.described(leaf.tensor),
            f"{_for_points(leaf)}"
            'Pass boxes as a dict of "boxes" (B, N, 4) and "labels" (B, N) with '
            "bounding_boxes=…; resize maps to the size of the inputs; or blend by the weights "
            f'alone, kinds={{"{key(leaf.name)}": "values"}}; or leave it as it is, '
            f'passthrough=["{key(leaf.name)}"].',
        )
    shape = leaf.tensor.shape
    vector = len(shape) > 1 and shape[-1] != 1 and all(size == 1 for size in shape[1:-1])
    cuts = mixer.draws_regions and not mixer.mixes_tables
    if cuts and vector and mixer.label_mode != "values" and not stated:
        check_shares(
            mixer.owner,
            leaf,
            "must hold labels, numbers from 0 to 1, if inputs are cut",
            'Pass boxes as a dict of "boxes" (B, N, 4) and "labels" (B, N) with '
            "bounding_boxes=…; or blend numbers by the weights alone, "
            f'kinds={{"{key(leaf.name)}": "values"}}.',
        )


def _for_points(leaf):
    """The way out for keypoints, by their name or shape; else an empty string."""
    shape, name = leaf.tensor.shape, key(leaf.name)
    if len(shape) in (3, 4) and shape[-1] in (2, 3):
        return f'Name keypoints in pixels, kinds={{"{name}": "keypoints"}}. '
    if name.lower() in _POINTS:
        return f'Reshape keypoints to (B, N, 2) and name them, kinds={{"{name}": "keypoints"}}. '
    return ""


def _has_positions(leaf, of_video, stated, draws_regions):
    """Whether the values of a target belong to several positions, by its name or its shape."""
    shape, name = leaf.tensor.shape, key(leaf.name).lower()
    if name in _BOXES and len(shape) == 3:
        return True
    named = name in (*_BOXES, *_POINTS) and len(shape) == 2 and not stated
    positions = math.prod(size or 2 for size in shape[1:-1]) if len(shape) > 2 else 1
    dense = positions > 1 and not (of_video and len(shape) <= 3)
    return draws_regions and (named or dense)
