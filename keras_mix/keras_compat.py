"""Names that Keras keeps private."""

# Keras has no public way to read or write the mask of a tensor.
from keras.src.backend import get_keras_mask as mask_of
from keras.src.backend import set_keras_mask as set_mask

# Nor to ask which layer was called first, of those whose calls are under way in this thread.
from keras.src.backend.common.global_state import get_global_attribute

__all__ = ["entry_layer", "mask_of", "set_mask"]


def entry_layer():
    """The layer whose call contains all others that are under way, or None."""
    context = get_global_attribute("current_call_ctx")
    return None if context is None else context.entry_layer
