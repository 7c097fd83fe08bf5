"""Class ids as one-hot rows."""

from keras import ops

from keras_mix._core.ops.tensors import is_float


def one_hot(ids, classes, dtype="float32"):
    """`(…, classes)` of ids `(…)`; ids out of range give NaN, because zeros would give a loss of 0.

    Args:
        ids: Integers, or floats that hold them.
        classes: Integer.
        dtype: A float dtype.
    """
    ids = ops.convert_to_tensor(ids)
    known = (ids >= 0) & (ids < classes)
    if is_float(ids):
        known = known & (ops.round(ids) == ids)
    # PyTorch refuses ids that are out of range, which are masked here.
    rows = ops.one_hot(ops.cast(ops.where(known, ids, 0), "int32"), classes, dtype=dtype)
    return ops.where(known[..., None], rows, float("nan"))
