"""A forward pass of a batch together with its mixed copy, in one call of the base model."""

import keras
from keras import ops

from keras_mix._core import checks, keras_compat
from keras_mix._core.ops.tensors import differ
from keras_mix.models._forward import masks
from keras_mix.models._forward.forward_pass import ForwardPass


class CleanAndMixed(ForwardPass):
    """The samples of the batch, followed by the same samples, which are mixed with each other.

    Layers that compute over the batch, such as batch normalization, see both. Plans are those of
    the second half.
    """

    def begin(self, inputs):
        return super().begin(keras.tree.map_structure(_twice, inputs))

    def part(self, value):
        return halves(value)[1]

    def applied(self, blend, plan, value):
        clean, other = halves(value)
        pair = blend.apply(None, clean), blend.apply(plan, other)
        return keras.tree.map_structure(_joined, *pair)

    def size_of(self, plan):
        size = super().size_of(plan)
        return None if size is None else 2 * size

    def union(self, mask, plan, active):
        clean, other = halves(mask)
        return ops.concatenate([clean, masks.union(other, plan, active)])


def halves(structure):
    """The first and the second half of the samples, each a structure of tensors without masks."""
    tensors = keras.tree.flatten(structure)
    pairs = [(None, None) if tensor is None else ops.split(tensor, 2) for tensor in tensors]
    return [keras.tree.pack_sequence_as(structure, half) for half in zip(*pairs, strict=True)]


def halves_of_outputs(outputs, mixture):
    """The outputs of the clean and of the mixed samples, each with its half of the masks.

    Args:
        outputs: Those of a `CleanAndMixed` pass.
        mixture: Its `Mixture`, which is told what the second half of a mask was before.
    """
    size = mixture.plan.sources.shape[0]
    for output in keras.tree.flatten(outputs):
        if len(output.shape) == 0 or (size and differ(output.shape[0], 2 * size)):
            checks.refuse(
                mixture.owner,
                "each output must hold the samples of the batch along its first axis",
                checks.described(output),
            )
    found = halves(outputs)
    for whole, *parts in zip(*map(keras.tree.flatten, (outputs, *found)), strict=True):
        mask = keras_compat.mask_of(whole)
        if mask is not None:
            before = halves(mixture.unmixed(mask))[1]
            for part, own in zip(parts, halves(mask), strict=True):
                keras_compat.set_mask(part, own)
            mixture.unmixed_masks[id(keras_compat.mask_of(parts[1]))] = before
    return found


def _twice(tensor):
    if tensor is None:
        return None
    both, mask = _joined(tensor, tensor), keras_compat.mask_of(tensor)
    if mask is not None:
        keras_compat.set_mask(both, _joined(mask, mask))
    return both


def _joined(clean, other):
    return None if clean is None else ops.concatenate([clean, other])
