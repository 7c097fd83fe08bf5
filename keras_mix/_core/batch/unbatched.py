"""What is no batch of inputs and labels: single samples, and two batches side by side."""

from collections.abc import Mapping

import keras

from keras_mix._core import checks, dtypes, kinds
from keras_mix._core.backend import xp
from keras_mix._core.batch.structure import BoxDict

_CHANNELS = (1, 3, 4)


def refuse_zipped(owner, structure):
    """Refuses ((x, y), (x, y)), which `Dataset.zip((a, b))` gives, for inputs and labels."""
    first, *others = structure if isinstance(structure, tuple) else (structure,)
    if not others or not _is_whole_batch(first):
        return
    if all(_alike(first, other) for other in others):
        received = f"{len(structure)} entries of one structure"
        checks.refuse(
            owner,
            "a batch must be (x, y), not two batches side by side",
            received,
            "For partners from a second dataset, call keras_mix.data.mix(first, layer, "
            "partners=second), or layer(batch, partners=other). Put several inputs into a dict.",
        )


def refuse_single(mixer, leaves):
    """Refuses what is or may be a single sample where a batch must stand."""
    if mixer.grid_rank is not None and len(leaves) == 1:
        _refuse_unclear(mixer, *leaves)
    for leaf in leaves:
        if leaf.target or leaf.kind not in ("images", "values"):
            continue
        if _is_image(leaf) and (leaf.kind == "images" or _is_single(mixer, leaf, leaves)):
            checks.reject(
                mixer.owner,
                leaf.name,
                "must hold a batch of samples, not a single image (H, W, C)",
                checks.described(leaf.tensor),
                "Call `dataset.batch(…)` before mixing. For a batch of sequences (B, T, C) pass "
                f'kinds={{"{leaf.name}": "values"}}.',
            )


def _refuse_unclear(mixer, leaf):
    """Refuses an input alone that has one axis less than a batch with channels, (B, H, W, C)."""
    if leaf.kind != "token_ids" and len(leaf.tensor.shape) == mixer.grid_rank + 1:
        checks.reject(
            mixer.owner,
            leaf.name,
            "is ambiguous: alone and without a channel axis it could be one sample or a batch",
            checks.described(leaf.tensor),
            "Batch a single sample; give a batch a last axis, `x[..., None]`.",
        )


def _is_whole_batch(part):
    """Whether a part of a structure has inputs and labels of its own."""
    if isinstance(part, Mapping):
        return len(set(part) & set(kinds.KEYS)) > 1
    if not isinstance(part, tuple) or len(part) not in (2, 3):
        return False
    inputs, labels = (keras.tree.flatten(each) for each in part[:2])
    # Two inputs of one form may be labelled by two targets of that form.
    return not all(_form(a) == _form(b) for a in inputs for b in labels)


def _alike(one, other):
    try:
        keras.tree.assert_same_structure(one, other)
    except (TypeError, ValueError):
        return False
    pairs = zip(keras.tree.flatten(one), keras.tree.flatten(other), strict=True)
    return all(_form(a) == _form(b) for a, b in pairs)


def _form(leaf):
    """A leaf's dtype and shape but for the number of samples."""
    if isinstance(leaf, BoxDict):
        return "boxes"
    dtype, shape = getattr(leaf, "dtype", None), getattr(leaf, "shape", None)
    return None if dtype is None else (dtypes.name(dtype), list(shape[1:]))


def _is_image(leaf):
    """Whether a leaf has three axes, (H, W, C), H and W both known or, as decoded, both not."""
    shape = leaf.tensor.shape
    return len(shape) == 3 and shape[-1] in _CHANNELS and (shape[0] is None) == (shape[1] is None)


def _is_images(leaf):
    """Whether a leaf is a batch of images (B, H, W, C) or videos."""
    return leaf.kind == "images" and len(leaf.tensor.shape) >= 4


def _is_single(mixer, leaf, leaves):
    """Whether floats (H, W, C) are one image rather than a batch of sequences (B, T, C)."""
    if any(kinds.ALL[each.kind].of_sequences for each in leaves) or any(map(_is_images, leaves)):
        return False
    if mixer.grid_rank == 1 or {leaf.name, leaf.name.split("/")[-1]} & set(mixer.kinds):
        return False
    height, width, _ = leaf.tensor.shape
    targets = [each for each in leaves if each.target]
    shapes = [getattr(target.tensor, "boxes", target.tensor).shape for target in targets]
    if height is None:
        # The rows of a decoded image, beside a vector of known size: not that of a batch.
        return any(len(shape) == 1 and shape[0] is not None for shape in shapes)
    # A mask (H, W) or (H, W, 1) of class ids.
    if any(
        len(shape) in (2, 3)
        and tuple(shape[:2]) == (height, width)
        and dtypes.is_integer(target.tensor)
        for shape, target in zip(shapes, targets, strict=True)
    ):
        return True
    batched = any(
        len(shape) > 1 or target.kind == "class_ids"
        for shape, target in zip(shapes, targets, strict=True)
    )
    return not batched and (height == width or (not targets and xp.inside_function()))
