"""Names that Keras keeps private."""

# Keras has no public way to read or write the mask of a tensor.
from keras.src.backend import get_keras_mask as mask_of
from keras.src.backend import set_keras_mask as set_mask

__all__ = ["mask_of", "set_mask"]
