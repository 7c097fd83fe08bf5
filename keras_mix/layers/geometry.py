"""Float targets that say where something is: refused where a mixer cuts or moves the inputs."""

import math

from keras_mix import checks
from keras_mix.advice import BOXES
from keras_mix.naming import entry, key
from keras_mix.value_checks import check_shares

_POINTS = ("keypoint", "keypoints", "landmark", "landmarks")


def refuse_places_off_the_grid(mixer, leaf, found, is_of_video):
    """Refuses dense float targets that a region cannot cut.

    One vector a sample, (B,), (B, K) or (B, 1, K), is blended by the weights. More than one has
    places, which only the region's grid can relate to those of the inputs. The frames of a video
    are cut alike, so labels of frames are blended, too.

    Args:
        mixer: The mixer.
        leaf: A target of floats.
        found: Its `Alignment` with the grid, or None.
        is_of_video: Whether its second axis is the time of a video.
    """
    shape, name = leaf.tensor.shape, key(leaf.name)
    stated = entry(mixer.kinds, leaf.name)
    if found is not None or mixer.erases or stated == "values":
        return
    boxes = name.lower() in BOXES and shape.rank == 3
    named = name.lower() in (*BOXES, *_POINTS) and shape.rank == 2 and not stated
    places = math.prod(size or 2 for size in shape[1:-1]) if shape.rank > 2 else 1
    dense = places > 1 and not (is_of_video and shape.rank <= 3)
    if boxes or (mixer.draws_regions and (named or dense)):
        checks.refuse(
            mixer.owner,
            f"no rule applies to `{leaf.name}`: floats that are not labels are cut on the grid of "
            "the inputs, or blended where whole inputs are",
            checks.described(leaf.tensor),
            'Give boxes as a dict of "boxes" (B, N, 4) and "labels" (B, N) with '
            "bounding_box_format=…; resize maps to the inputs' size; or blend by the weights "
            f'alone, kinds={{"{name}": "values"}}; or leave it as it is, passthrough=["{name}"].',
        )


def refuse_coordinates(mixer, leaf):
    """Refuses vectors that cannot be labels where a mixer cuts or moves the inputs.

    A box (B, 4) and the labels of four classes have one form. The values tell them apart, at once
    where they are known, else as a graph runs: shares of classes lie between 0 and 1.

    Args:
        mixer: The mixer.
        leaf: A target of floats off the grid.
    """
    cuts = mixer.draws_regions and not (mixer.erases or mixer.mixes_tables)
    shape = leaf.tensor.shape
    vector = shape.rank > 1 and shape[-1] != 1 and all(size == 1 for size in shape[1:-1])
    if cuts and vector and mixer.labels != "values" and not entry(mixer.kinds, leaf.name):
        check_shares(
            mixer.owner,
            leaf,
            "must hold labels, numbers from 0 to 1, where inputs are cut",
            'Give boxes as a dict of "boxes" (B, N, 4) and "labels" (B, N) with '
            "bounding_box_format=…; or blend numbers by the weights alone, "
            f'kinds={{"{key(leaf.name)}": "values"}}.',
        )
