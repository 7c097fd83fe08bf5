"""The logits that the probabilities of a call were made from, where what makes them tells.

In float32 a softmax is 0 and 1 long before its logits say nothing, and has no gradient there. Who
needs one follows a call; what makes probabilities, in a layer or a model, tells their logits.
"""

import contextlib
import threading

from keras import ops

_call = threading.local()


@contextlib.contextmanager
def followed():
    """A context in which `behind` knows what `tell` was told in it."""
    outer = getattr(_call, "told", None)
    _call.told = []
    try:
        yield
    finally:
        _call.told = outer


def tell(probabilities, make):
    """Tells the logits of probabilities, if someone follows.

    Args:
        probabilities: The tensor itself: a cast of it has no known logits.
        make: Function that returns the logits, in its shape: its softmax along the last axis is the
            probabilities, or its sigmoid if there is one unit. It may return None.
    """
    told = getattr(_call, "told", None)
    if told is not None:
        told.append((probabilities, make()))


def behind(probabilities):
    """The logits of a tensor of probabilities, or None if they are unknown."""
    told = getattr(_call, "told", None) or ()
    return next((logits for made, logits in told if made is probabilities), None)


def log_probabilities(probabilities):
    """float32 `(..., K)`, two columns for one unit, without a floor; None if unknown."""
    logits = behind(probabilities)
    if logits is None:
        return None
    logits = ops.cast(logits, "float32")
    if not is_one_unit(logits):
        return ops.log_softmax(logits, axis=-1)
    logits = logits[:, None] if len(logits.shape) == 1 else logits
    return ops.concatenate([ops.log_sigmoid(-logits), ops.log_sigmoid(logits)], axis=-1)


def in_shape_of(probabilities, logits):
    """Logits `(..., K)` in the shape of probabilities, of which one unit has its own."""
    if not is_one_unit(probabilities):
        return logits
    own = logits[..., 1:] - logits[..., :1]
    return own[:, 0] if len(probabilities.shape) == 1 else own


def is_one_unit(outputs):
    """Whether outputs `(N,)` or `(..., 1)` are those of one sigmoid unit."""
    return len(outputs.shape) == 1 or outputs.shape[-1] == 1
