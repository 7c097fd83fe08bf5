"""The leaves of a second batch, which holds the partners, in the order of the first."""

from keras_mix._core import checks, dtypes
from keras_mix._core.backend import xp
from keras_mix._core.backend.axes import compatible
from keras_mix._core.batch.batch import behind

_ALIKE = "must have the same kind and shape in the batch that partners come from"


def matched(owner, own, second):
    """The second batch's leaves in the order of the first's; refuses those that differ.

    Args:
        owner: The name that messages begin with.
        own: The leaves of the first batch.
        second: Dict from names to the leaves of the second batch. A label or weight that it does
            not have becomes None.
    """
    others = [_matching(owner, leaf, second.get(leaf.name)) for leaf in own]
    checked = [
        _same_shape(owner, leaf, other)
        for leaf, other in zip(own, others, strict=True)
        if other is not None and leaf.kind != "passthrough"
        if None in (*leaf.tensor.shape[1:], *other.tensor.shape[1:])
    ]
    return [other and behind(checked, [other])[0] for other in others] if checked else others


def _matching(owner, leaf, other):
    if other is None and (leaf.target or leaf.kind == "sample_weights"):
        return None
    own = checks.described(leaf.tensor)
    if other is None:
        checks.reject(owner, leaf.name, _ALIKE, f"none beside {own}")
    if not hasattr(leaf.tensor, "shape") or not hasattr(other.tensor, "shape"):
        return other
    shapes = leaf.tensor.shape[1:], other.tensor.shape[1:]
    same = other.kind == leaf.kind and dtypes.of(other.tensor) == dtypes.of(leaf.tensor)
    if not same or not compatible(*shapes):
        checks.reject(owner, leaf.name, _ALIKE, f"{checks.described(other.tensor)} beside {own}")
    return other


def _same_shape(owner, leaf, other):
    shapes = [xp.shape(getattr(each.tensor, "boxes", each.tensor))[1:] for each in (leaf, other)]
    sentence = (
        f"{owner}: `{leaf.name}` {_ALIKE}. Received: {checks.described(other.tensor)} beside "
        f"{checks.described(leaf.tensor)}, which differ in size."
    )
    return xp.checked(xp.equal(*shapes), sentence)
