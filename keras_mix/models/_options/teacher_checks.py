"""Checks of a teacher, beside the model that it teaches."""

from typing import NamedTuple

import keras

from keras_mix._core import checks
from keras_mix._core.keras_compat import graph_of, nodes_of
from keras_mix._core.ops.tensors import differ

_LOGITS = {"linear": True, "softmax": False, "sigmoid": False}


def check_teacher(owner, teacher, student):
    """Refuses a teacher that cannot teach a student.

    Args:
        owner: The wrapper's name, for messages.
        teacher: What was given.
        student: A Keras model.
    """
    checks.instance(owner, "teacher", teacher)
    if not isinstance(teacher, keras.Model):
        checks.refuse(owner, "the teacher must be a Keras model", repr(teacher))
    if not teacher.built:
        checks.refuse(
            owner,
            "the teacher must be trained, so it must have weights",
            f"{teacher.name!r}, which is not built",
            "Train or load it first.",
        )
    own = {id(variable) for variable in student.variables}
    if teacher is student or any(id(variable) in own for variable in teacher.variables):
        checks.refuse(
            owner,
            "the teacher stays as it is while the student trains, so they must share no weights",
            f"{teacher.name!r} and {student.name!r}, which do",
            "Teach a copy: save the model and load it.",
        )
    graphs = graph_of(teacher), graph_of(student)
    if None not in graphs:
        _check_inputs(owner, graphs[0].input, graphs[1].input)
        check_outputs(owner, graphs[0].output, graphs[1].output)


def check_outputs(owner, taught, outputs):
    """Refuses outputs of a teacher that do not have the structure and shapes of the student's."""
    shapes = [[tuple(x.shape) for x in keras.tree.flatten(each)] for each in (taught, outputs)]
    paths = [[path for path, _ in keras.tree.flatten_with_path(each)] for each in (taught, outputs)]
    sizes = zip(*shapes, strict=False)
    same = all(
        len(a) == len(b) and not any(differ(*pair) for pair in zip(a, b, strict=True))
        for a, b in sizes
    )
    if paths[0] != paths[1] or not same:
        checks.refuse(
            owner,
            "the teacher's outputs must have the structure and the shapes of the student's, class "
            "by class",
            f"{_shown(taught)} of the teacher and {_shown(outputs)} of the student",
            "Give one of them another last layer.",
        )


def _check_inputs(owner, teacher, student):
    """Refuses a teacher that cannot take the student's inputs, tensors of their graphs."""
    given = [keras.tree.flatten(each) for each in (teacher, student)]
    pairs = zip(*given, strict=True) if len(given[0]) == len(given[1]) else ()
    for taken, own in pairs:
        same_rank = len(taken.shape) == len(own.shape)
        if same_rank and any(map(differ, taken.shape[1:], own.shape[1:])):
            checks.refuse(
                owner,
                "the teacher must take the student's inputs",
                f"inputs {_shown(taken)} of the teacher and {_shown(own)} of the student",
            )


class Head(NamedTuple):
    """What is known of one output of a model.

    Attributes:
        model: Name of the model.
        layer: Name of the layer that decides it, or None.
        activation: Name of its activation, or None.
        logits: Whether the output is one of logits; None if that is unknown.
    """

    model: str
    layer: str | None = None
    activation: str | None = None
    logits: bool | None = None


def heads_of(model):
    """A list of the `Head`s of a model, in the order of its outputs; None if it has no graph."""
    graph = graph_of(model)
    if graph is None:
        return None
    makers = {id(output): node for node in nodes_of(graph) for output in node.outputs}
    return [_head(model, makers, output) for output in keras.tree.flatten(graph.outputs)]


def check_logits(owner, head, from_logits, option):
    """Refuses an option that contradicts the activation of a `Head`."""
    if head.logits not in (None, from_logits):
        checks.refuse(
            owner,
            f"`{option}` must say whether {head.model!r} gives logits or probabilities",
            f"{option}={from_logits} for outputs of {head.layer!r}, whose activation is "
            f"{head.activation}",
            f"Pass {option}={head.logits}.",
        )


def _head(model, makers, output):
    node = makers.get(id(output))
    while node is not None and _changes_dtype_alone(node.operation):
        output = node.input_tensors[0]
        node = makers.get(id(output))
    if node is None:
        return Head(model.name)
    inner = heads_of(node.operation)
    if inner is not None:
        return inner[[id(each) for each in node.outputs].index(id(output))]
    name = _activation(node.operation)
    return Head(model.name, node.operation.name, name, _LOGITS.get(name))


def _changes_dtype_alone(operation):
    """Whether an operation passes values on, as the last ones under mixed precision do."""
    if isinstance(operation, keras.layers.Activation):
        return _activation(operation) == "linear"
    # Operations have no public names.
    return type(operation).__name__ in ("Cast", "Identity")


def _activation(operation):
    if isinstance(operation, keras.layers.Softmax):
        return "softmax"
    return getattr(getattr(operation, "activation", None), "__name__", None)


def _shown(outputs):
    return keras.tree.map_structure(lambda x: f"(B, {', '.join(map(str, x.shape[1:]))})", outputs)
