"""Forward passes that leave no trace: neither statistics nor losses of layers."""

import keras
from keras import ops


def aside(model, inputs, training):
    """A model's outputs, without a gradient, as if it had not been called.

    Moving statistics and seeds of layers keep their values, and what layers add by `add_loss` is
    not collected.

    Args:
        model: A Keras model that is built.
        inputs: Its inputs.
        training: Whether its layers behave as in training.
    """
    # Inside a scope of JAX the values are those of the step that is traced.
    values = [(variable, variable.value) for variable in model.variables]
    with keras.StatelessScope(state_mapping=values):
        outputs = model(inputs, training=training)
    return keras.tree.map_structure(ops.stop_gradient, outputs)


def joined(structures):
    """Structures of tensors, concatenated along the axis of samples."""
    return keras.tree.map_structure(lambda *parts: ops.concatenate(parts, axis=0), *structures)


def size_of(structure):
    """The number of samples of a structure of tensors."""
    return ops.shape(keras.tree.flatten(structure)[0])[0]
