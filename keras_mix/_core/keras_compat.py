"""Every private name of Keras that the package uses, each with the reason. Needs no TensorFlow.

tests/test_keras_compat.py has a canary for each name, which says what depends on it.
"""

import sys

import keras

# A layer that overrides `compute_output_spec` has no public way to trace its call.
from keras.src.backend import compute_output_spec

# Masks of tensors have no public accessor.
from keras.src.backend import get_keras_mask as mask_of
from keras.src.backend import set_keras_mask as set_mask

# The context of a layer call is not public.
from keras.src.backend.common.global_state import get_global_attribute

# Code cannot ask publicly whether a step of JAX holds the state of layers.
from keras.src.backend.common.stateless_scope import in_stateless_scope

# Code cannot ask publicly whether it is traced only for shapes and dtypes.
from keras.src.backend.common.symbolic_scope import SymbolicScope, in_symbolic_scope

# `keras.losses.get` neither resolves "crossentropy" nor wraps functions, as `compile` does.
from keras.src.trainers.compile_utils import get_loss as compiled_loss

__all__ = [
    "SymbolicScope",
    "all_layers",
    "compiled_loss",
    "compiles_metrics",
    "compute_output_spec",
    "computes_no_scores",
    "entry_layer",
    "function_of",
    "graph_of",
    "in_stateless_scope",
    "in_symbolic_scope",
    "layers_in",
    "mask_of",
    "metrics_beside_loss",
    "nodes_of",
    "options_of",
    "seed_states",
    "set_mask",
    "standardized",
    "structure_of",
    "take_arguments_as_given",
    "without_call_info",
]


def entry_layer():
    """The layer of the outermost call in progress, or None."""
    context = get_global_attribute("current_call_ctx")
    return None if context is None else context.entry_layer


def layers_in(layer):
    """The layers that a layer directly holds. `layers` is public, but only models have it."""
    return layer._layers


def all_layers(layer):
    """A layer and all that it holds, at any depth, each once, in one order for equal models.

    The order of a public walk is that of calls, and layers inside of layers have none.
    """
    return layer._flatten_layers()


def structure_of(layers):
    """What each layer directly holds, to be compared later: a public walk takes too long a step."""
    return [(list(layer._layers), getattr(layer, "_functional", None)) for layer in layers]


def graph_of(layer):
    """The functional graph of a model, or None if the model has none.

    A sequential model keeps its graph to itself.
    """
    graph = getattr(layer, "_functional", None) or layer
    return graph if isinstance(graph, keras.Function) else None


def nodes_of(graph):
    """The nodes of a functional graph in the order of their calls. `operations` has no edges."""
    by_depth = graph._nodes_by_depth
    return [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]


def standardized(graph, inputs):
    """The inputs in the order, dtypes and ranks of `graph.input`.

    A functional model does this inside its call only.
    """
    return keras.tree.pack_sequence_as(graph.input, graph._standardize_inputs(inputs))


def options_of(loss):
    """Dict of the options of a loss that wraps a function, else empty.

    `get_config` leaves out the axis of a sparse cross-entropy.
    """
    return getattr(loss, "_fn_kwargs", {})


def seed_states(layer):
    """The states of random numbers in a layer; only their names tell them from other variables."""
    return [variable for variable in layer.variables if variable.name == "seed_generator_state"]


def function_of(metric):
    """The function that a metric is the mean of, or None; `get_config` only has its saved form."""
    return metric._fn if type(metric) is keras.metrics.MeanMetricWrapper else None


def without_call_info(error):
    """The error, to which Keras does not append the arguments of the layer call: whole batches."""
    error._keras_call_info_injected = True
    return error


def take_arguments_as_given(layer):
    """Lets a layer take arguments that are no tensors, and converts none to Keras's backend."""
    layer._convert_input_args = False
    layer._allow_non_tensor_positional_args = True


def compiles_metrics(model):
    """Whether a model was compiled with metrics. `metrics` has none before the first batch."""
    return model._compile_metrics is not None


def computes_no_scores(attention):
    """Whether an attention layer was made with flash attention, which its config leaves out."""
    return bool(getattr(attention, "_flash_attention", False))


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
