"""The leaves of a second batch, which holds the partners, in the order of the first."""

import tensorflow as tf

from keras_mix._core import checks
from keras_mix._core.batch.batch import behind

_ALIKE = "must have the same kind and shape in the batch that partners come from"


def matched(owner, own, donors):
    """The second batch's leaves in the order of the first's; refuses those that differ.

    Args:
        owner: The name that messages begin with.
        own: The leaves of the first batch.
        donors: Those of the second by their names. None stands for a label or weight that it does
            not have.
    """
    donors = [_donor(owner, leaf, donors.get(leaf.name)) for leaf in own]
    checked = [
        _same_shape(owner, leaf, donor)
        for leaf, donor in zip(own, donors, strict=True)
        if donor is not None and leaf.kind != "passthrough"
        if None in (*leaf.tensor.shape[1:], *donor.tensor.shape[1:])
    ]
    return [donor and behind(checked, [donor])[0] for donor in donors] if checked else donors


def _donor(owner, leaf, donor):
    if donor is None and (leaf.target or leaf.kind == "sample_weights"):
        return None
    own = checks.described(leaf.tensor)
    if donor is None:
        checks.reject(owner, leaf.name, _ALIKE, f"none beside {own}")
    if not hasattr(leaf.tensor, "shape") or not hasattr(donor.tensor, "shape"):
        return donor
    shapes = leaf.tensor.shape[1:], donor.tensor.shape[1:]
    same = donor.kind == leaf.kind and donor.tensor.dtype == leaf.tensor.dtype
    if not same or not shapes[0].is_compatible_with(shapes[1]):
        checks.reject(owner, leaf.name, _ALIKE, f"{checks.described(donor.tensor)} beside {own}")
    return donor


def _same_shape(owner, leaf, donor):
    shapes = [tf.shape(getattr(each.tensor, "boxes", each.tensor))[1:] for each in (leaf, donor)]
    sentence = (
        f"{owner}: `{leaf.name}` {_ALIKE}. Received: {checks.described(donor.tensor)} beside "
        f"{checks.described(leaf.tensor)}, whose sizes differ."
    )
    return tf.debugging.assert_equal(*shapes, sentence)
