"""Forward passes aside: those whose losses of layers do not count."""

import keras
from keras import ops

from keras_mix._core import keras_compat


def outputs_aside(model, inputs, training):
    """A model's outputs, without a gradient, as if it had not been called.

    Moving statistics of layers keep their values, and what layers add by `add_loss` is not
    collected. Only random draws go on, so that no call repeats those of the last.

    Args:
        model: A Keras model that is built.
        inputs: Its inputs.
        training: Whether its layers behave as in training.
    """
    outputs = outputs_without_losses(
        model, inputs, training=training, kept=keras_compat.seed_states(model)
    )
    return keras.tree.map_structure(ops.stop_gradient, outputs)


def outputs_without_losses(model, inputs, *, training, kept):
    """A model's outputs, without what its layers add by `add_loss`.

    Args:
        model: A Keras model that is built.
        inputs: Its inputs.
        training: Whether its layers behave as in training.
        kept: List of the variables whose changes in the call last.
    """
    # Inside a scope of JAX the values are those of the step that is traced.
    values = [(variable, variable.value) for variable in model.variables]
    with keras.StatelessScope(state_mapping=values) as scope:
        before = [scope.get_current_value(variable) for variable in kept]
        outputs = model(inputs, training=training)
        after = [scope.get_current_value(variable) for variable in kept]
    for variable, old, new in zip(kept, before, after, strict=True):
        if new is not old:
            variable.assign(new)
    return outputs
