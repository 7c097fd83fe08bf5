"""Checks of a teacher, beside the model that it teaches."""

import keras

from keras_mix._core import checks
from keras_mix._core.keras_compat import graph_of, nodes_of
from keras_mix._core.ops.tensors import differ


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
            "Teach a copy: keras.models.clone_model(model).",
        )
    graphs = graph_of(teacher), graph_of(student)
    if None not in graphs:
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


def check_logits(owner, model, from_logits, option):
    """Refuses an option that contradicts the activation of a model's last layers."""
    graph = graph_of(model)
    if graph is None:
        return
    outputs = {id(output) for output in keras.tree.flatten(graph.outputs)}
    for node in nodes_of(graph):
        if outputs.isdisjoint(id(output) for output in node.outputs):
            continue
        activation = getattr(node.operation, "activation", None)
        name = getattr(activation, "__name__", None)
        gives_logits = {"linear": True, "softmax": False, "sigmoid": False}.get(name, from_logits)
        if gives_logits != from_logits:
            checks.refuse(
                owner,
                f"`{option}` must say whether {model.name!r} gives logits or probabilities",
                f"{option}={from_logits} for outputs of {node.operation.name!r}, whose activation "
                f"is {name}",
                f"Pass {option}={gives_logits}.",
            )


def _shown(outputs):
    return keras.tree.map_structure(lambda x: f"(B, {', '.join(map(str, x.shape[1:]))})", outputs)
