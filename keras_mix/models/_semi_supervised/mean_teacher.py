"""The mean teacher: a copy of a model whose weights are the moving average of its weights."""

import keras
from keras import ops

from keras_mix._core import checks, layer_states
from keras_mix._core.ops.tensors import is_float


def of(owner, model):
    """A frozen copy of a model, with the same state of each layer."""
    if not model.built:
        checks.refuse(
            owner,
            "the model must be built, so that a teacher of the same shape can be made",
            f"{model.name!r}, which has no weights yet",
            "Begin it with a keras.Input, or call it once on a batch.",
        )
    teacher = keras.models.clone_model(model)
    if not teacher.built:
        teacher.build_from_config(model.get_build_config())
    layer_states.copy(owner, model, teacher)
    teacher.trainable = False
    return teacher


def update(teacher, model, decay, steps, averaged):
    """Moves the teacher's weights towards the model's, by 1 - min((1 + t) / (10 + t), decay).

    So the teacher's memory is about a ninth of the steps made, as that of TensorFlow's
    `ExponentialMovingAverage(decay, num_updates)`, until `decay` limits it: the teacher of a short
    training forgets the first steps as well. Moving statistics are averaged like weights; weights
    of integers are copied.

    Before the first step, t = 0, they become the model's, whatever these were when the teacher was
    made. Weights that the average has already stay out of it.

    Args:
        teacher: As `of` gives it.
        model: The model that is trained.
        decay: Float in [0, 1).
        steps: int32, t, the number of steps that the model was trained for.
        averaged: int32, the number of steps of which the last update was.
    """
    past = ops.cast(steps, "float32")
    kept = ops.minimum((1.0 + past) / (10.0 + past), decay)
    kept = ops.where(steps == 0, 0.0, ops.where(steps == averaged, 1.0, kept))
    for old, new in zip(teacher.weights, model.weights, strict=True):
        value = ops.stop_gradient(ops.convert_to_tensor(new))
        if is_float(new):
            share = ops.cast(kept, new.dtype)
            value = share * ops.convert_to_tensor(old) + (1.0 - share) * value
        old.assign(ops.copy(value))
