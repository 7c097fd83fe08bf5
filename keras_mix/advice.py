"""The ways out that messages name for leaves whose kind cannot be inferred."""

import tensorflow as tf

from keras_mix import checks
from keras_mix.naming import key

# The keys of Keras's dict of a batch; each names its kind.
DICT_KEYS = ("images", "labels", "segmentation_masks", "bounding_boxes", "sample_weights")
# What other libraries call the same, in lower case.
_USUAL = {
    **{name.removesuffix("s"): name for name in DICT_KEYS if name != "bounding_boxes"},
    **{name: "images" for name in ("x", "img", "imgs", "pixel_values", "inputs", "input")},
    **{name: "labels" for name in ("y", "target", "targets", "class", "classes", "coarse_label")},
    **{name: "segmentation_masks" for name in ("mask", "masks", "segmentation", "seg_mask")},
    **{name: "sample_weights" for name in ("weight", "weights")},
    **{name: "lengths" for name in ("length", "lengths")},
    **{name: "masks" for name in ("padding_mask", "attention_mask")},
    **{name: "token_ids" for name in ("token_ids", "input_ids", "tokens")},
}


def for_keys(unknown):
    """The way out for a dict with unknown keys: the likely kind of each.

    Args:
        unknown: Pairs of a leaf's name and its tensor.
    """
    likely = {key(name): _likely_kind(name, tensor) for name, tensor in unknown}
    kinds = ", ".join(f'"{name}": "{kind}"' for name, kind in likely.items() if kind)
    passed = ", ".join(f'"{name}"' for name, kind in likely.items() if not kind)
    some = f'"{next(iter(likely))}"'
    ways = [f"name their kinds, kinds={{{kinds}}} (each one of {list(checks.KINDS)})"] * bool(kinds)
    ways.append(f"{'or ' * bool(kinds)}leave the rest as it is, passthrough=[{passed or some}].")
    return _sentence(ways)


def for_input(name, tensor):
    """The way out for an input of integers or booleans."""
    rank, dtype = tensor.shape.rank, tensor.dtype
    ways = []
    if rank >= 3 and dtype.is_integer:
        ways.append(f'for images of this dtype name them, kinds={{"{name}": "images"}}')
    if rank <= 2 and dtype.is_integer:
        ways.append(
            "for token ids or categories mix the embedding, or cut token ids by "
            f'kinds={{"{name}": "token_ids"}}'
        )
    if rank == 2 and tensor.shape[1] != 1:
        ways.append(f'for a mask of the valid steps of sequences, kinds={{"{name}": "masks"}}')
    if rank == 1 and dtype.is_integer:
        ways.append(f'for the lengths of sequences, kinds={{"{name}": "lengths"}}')
    ways.append(f'for numbers cast to float or name them, kinds={{"{name}": "values"}}')
    ways.append(f'or leave them, passthrough=["{name}"].')
    return _sentence(ways)


def _likely_kind(name, tensor):
    """A kind by the key, or else by dtype and rank; None for what is better left as it is."""
    dtype, rank = tensor.dtype, tensor.shape.rank
    if not (dtype.is_floating or dtype.is_integer or dtype.is_bool):
        return None
    usual = _USUAL.get(key(name).lower())
    if usual:
        return usual
    if rank is None or rank == 0:
        return None
    if rank == 1:
        return "values" if dtype.is_floating else "labels"
    if dtype.is_floating:
        return "images" if rank >= 4 else "values"
    if rank == 2:
        return "labels"
    images = dtype in (tf.uint8, tf.uint16, tf.int16) or (rank == 4 and tensor.shape[-1] == 3)
    return "images" if images else "segmentation_masks"


def _sentence(ways):
    text = "; ".join(ways)
    return text[0].upper() + text[1:]
