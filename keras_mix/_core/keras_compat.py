"""What Keras keeps private."""

import sys

import keras

# Keras has no public way to read or write the mask of a tensor.
from keras.src.backend import get_keras_mask as mask_of
from keras.src.backend import set_keras_mask as set_mask

# Keras has no public way to ask for the outermost layer call of this thread.
from keras.src.backend.common.global_state import get_global_attribute

# Nor to tell the code that it calls that only shapes and dtypes are asked for.
from keras.src.backend.common.symbolic_scope import SymbolicScope, in_symbolic_scope

__all__ = [
    "SymbolicScope",
    "entry_layer",
    "in_symbolic_scope",
    "mask_of",
    "metrics_beside_loss",
    "set_mask",
]


def entry_layer():
    """The layer of the outermost call in progress, or None."""
    context = get_global_attribute("current_call_ctx")
    return None if context is None else context.entry_layer


def metrics_beside_loss():
    """The metrics compiled into the model with one output that computes its loss right now.

    A loss is not given its model. The model's `compute_loss` calls it, which that of a subclass
    may call.
    """
    frame = sys._getframe(1)
    while frame is not None:
        model, labels = frame.f_locals.get("self"), frame.f_locals.get("y")
        if frame.f_code.co_name == "compute_loss" and isinstance(model, keras.Model):
            if labels is None or keras.tree.is_nested(labels):
                return []
            compiled = getattr(model, "_compile_metrics", None)
            groups = ("_user_metrics", "_user_weighted_metrics")
            return keras.tree.flatten([getattr(compiled, group, None) or [] for group in groups])
        frame = frame.f_back
    return []
