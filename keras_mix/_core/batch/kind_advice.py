"""Advice in error messages for leaves of a kind that cannot be inferred."""

from keras_mix._core import dtypes, kinds
from keras_mix._core.leaf_names import key

# A set of boxes is proposed by its shape as well.
_USUAL = {
    alias: name
    for name, kind in kinds.ALL.items()
    if name != "bounding_boxes"
    for alias in kind.aliases
}


def for_keys(unknown):
    """The way out for a dict with unknown keys: the likely kind of each.

    Args:
        unknown: Pairs of a leaf's name and its tensor.
    """
    boxes = next((name for name, tensor in unknown if _may_be_boxes(tensor)), None)
    if boxes is None:
        return _for_kinds(unknown)
    mapping = _as_boxes(boxes, unknown)
    if key(boxes).lower() in kinds.ALL["bounding_boxes"].aliases:
        return f"Map the batch to {mapping}, and pass bounding_boxes=…"
    return f"{_for_kinds(unknown)} Or, for boxes, map the batch to {mapping}."


def for_class_ids(name):
    """The way out for class ids without a known number of classes."""
    ways = [
        "pass num_classes=…",
        "for one sigmoid output cast the labels to float32",
        'label_mode="pairs" for a large label space',
        'or label_mode="values" if the integers are numbers.',
    ]
    if _is_identifier(name):
        ways.insert(0, f'leave identifiers as they are, passthrough=["{key(name)}"]')
    return _sentence(ways)


def _for_kinds(unknown):
    """The way out by naming kinds and leaves that stay as they are."""
    likely = {key(name): _likely_kind(name, tensor) for name, tensor in unknown}
    named = ", ".join(f'"{name}": "{kind}"' for name, kind in likely.items() if kind)
    passed = ", ".join(f'"{name}"' for name, kind in likely.items() if not kind)
    some = f'"{next(iter(likely))}"'
    ways = [f"name their kinds, kinds={{{named}}} (each one of {list(kinds.NAMED)})"] * bool(named)
    ways.append(f"{'or ' * bool(named)}leave the rest as it is, passthrough=[{passed or some}].")
    return _sentence(ways)


def for_input(name, tensor):
    """The way out for an input of integers or booleans."""
    rank, dtype = len(tensor.shape), dtypes.of(tensor)
    leave = f'leave them, passthrough=["{name}"]'
    ways = [f"for identifiers {leave}"] if _is_identifier(name) else []
    if key(name) == "1":
        ways.append("for labels call layer(x, y), or pass a tuple (x, y) instead of a list")
    if rank >= 3:
        ways.append(f'for images of this dtype name them, kinds={{"{name}": "images"}}')
    if rank <= 2 and dtypes.is_integer(dtype):
        ways.append(
            "for token ids or categories mix the embedding, or cut token ids by "
            f'kinds={{"{name}": "token_ids"}}'
        )
    if rank == 2 and tensor.shape[1] != 1:
        ways.append(f'for a mask of the valid steps of sequences, kinds={{"{name}": "masks"}}')
    if rank == 1 and dtypes.is_integer(dtype):
        ways.append(f'for the lengths of sequences, kinds={{"{name}": "lengths"}}')
    numbers = f'for numbers cast to float or name them, kinds={{"{name}": "values"}}'
    ways += [f"or {numbers}."] if _is_identifier(name) else [numbers, f"or {leave}."]
    return _sentence(ways)


def _likely_kind(name, tensor):
    """A kind by the key, or else by dtype and rank; None for what is better left as it is."""
    dtype, rank = dtypes.of(tensor), len(tensor.shape)
    if not (dtypes.is_floating(dtype) or dtypes.is_integer(dtype) or dtype == "bool"):
        return None
    usual = _USUAL.get(key(name).lower())
    if usual == "segmentation_masks" and rank == 4 and tensor.shape[-1] != 1:
        # Detection datasets call one mask for each object the same, (B, N, H, W).
        return "instance_masks"
    if usual:
        return usual
    if _is_identifier(name):
        return None
    if rank is None or rank == 0:
        return None
    if rank == 1:
        return "values" if dtypes.is_floating(dtype) else "labels"
    if dtypes.is_floating(dtype):
        return "images" if rank >= 4 else "values"
    if rank == 2:
        return "labels"
    images = dtype in ("uint8", "uint16", "int16") or (rank == 4 and tensor.shape[-1] == 3)
    return "images" if images else "segmentation_masks"


def _is_identifier(name):
    """Whether a leaf's name marks it as an identifier of samples."""
    return key(name).lower() == "id" or key(name).lower().endswith("_id")


def _may_be_boxes(tensor):
    """Whether a leaf has the shape of boxes, (B, N, 4)."""
    return dtypes.is_floating(tensor) and len(tensor.shape) == 3 and tensor.shape[-1] == 4


def _as_boxes(boxes, unknown):
    """Keras's dict of a batch as code, made of the keys of one such as TFDS has for detection."""
    folder = boxes.rpartition("/")[0]
    beside = [
        name
        for name, tensor in unknown
        if dtypes.is_integer(tensor)
        and len(tensor.shape) == 2
        and name.rpartition("/")[0] == folder
        and not _is_identifier(name)
    ]
    labels = next((name for name in beside if _USUAL.get(key(name).lower()) == "labels"), None)
    images = [name for name, tensor in unknown if _likely_kind(name, tensor) == "images"]
    parts = [
        _entry("images", images[0] if images else "images"),
        f'"bounding_boxes": {{{_entry("boxes", boxes)}, '
        f"{_entry('labels', labels or next(iter(beside), None))}}}",
    ]
    return f"{{{', '.join(parts)}}}"


def _entry(name, path):
    """An entry of a dict as code, the value from a batch; "…" where its path is unknown."""
    value = "…" if path is None else "batch" + "".join(f'["{part}"]' for part in path.split("/"))
    return f'"{name}": {value}'


def _sentence(ways):
    text = "; ".join(ways)
    return text[0].upper() + text[1:]
