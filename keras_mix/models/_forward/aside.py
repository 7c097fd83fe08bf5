"""A forward pass that leaves no trace: neither in statistics nor in losses of layers."""

import keras
from keras import ops


def outputs_aside(model, inputs, training):
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
