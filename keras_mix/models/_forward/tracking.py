"""Follows the layer calls of a forward pass, and at which mix points each tensor was mixed."""

import dataclasses
import inspect
import itertools
import threading
import weakref
from typing import NamedTuple

import keras
from keras import ops

from keras_mix._core import keras_compat, tf_compat
from keras_mix.models._forward import blends, masks
from keras_mix.models._points import mix_points

# No mix points.
CLEAN = frozenset()


class _Thread(threading.local):
    """Replicas of a strategy trace in threads of their own, interleaved."""

    tracking = None


_THREAD = _Thread()
# Wrappers may share layers, so that the hooks in use belong to all wrappers together.
_LOCK = threading.Lock()
# {id of a layer: its hook}, as long as a wrapper holds the hook, and the hook the layer.
_HOOKS = weakref.WeakValueDictionary()
# The parameters of a function never change, and most layers share few functions.
_PARAMETERS = weakref.WeakKeyDictionary()


class Hooks:
    """A context in which a base model's layers report their calls to the thread's `Tracking`.

    The layers' own `call` is back when the last context around them has ended, whichever wrapper
    and thread it belongs to. Contexts may end in any order.

    Args:
        base: The model.
    """

    def __init__(self, base):
        self.base = base
        self._layers, self._structure, self._hooks = [], None, []
        self._entered = _Entered()

    def __enter__(self):
        # Layers may be added at any time; the model is only walked again if any was.
        structure = keras_compat.structure_of(self._layers)
        with _LOCK:
            if structure != self._structure:
                self._walk()
            _attach(hook for hook in self._hooks if not hook.users)
            for hook in self._hooks:
                hook.users += 1
        self._entered.hooks.append(self._hooks)

    def __exit__(self, *error):
        with _LOCK:
            hooks = self._entered.hooks.pop()
            for hook in hooks:
                hook.users -= 1
            _detach(hook for hook in hooks if not hook.users)

    def _walk(self):
        """Finds the layers in the model, and the operations of the functional models among them."""
        self._layers = [self.base, *mix_points.held(self.base)]
        self._structure = keras_compat.structure_of(self._layers)
        found = {}
        for layer in self._layers:
            graph = keras_compat.graph_of(layer)
            for operation in [layer, *getattr(graph, "operations", ())]:
                found[id(operation)] = operation
        self._hooks = [_HOOKS.get(key) or _Hook(operation) for key, operation in found.items()]


class _Entered(threading.local):
    """The hooks of the contexts that a thread has entered."""

    def __init__(self):
        self.hooks = []


@tf_compat.without_autograph
class _Hook:
    """Stands in an instance's `call`, and hides that of the class.

    Attributes:
        operation: The layer, or operation of a functional model.
        function: Its own `call`.
        parameters: The names of the function's positional parameters.
        users: How many contexts are open in which it reports.
    """

    def __init__(self, operation):
        self.operation = operation
        self.users = 0
        self.function = None
        self.embeds = isinstance(operation, keras.layers.Embedding)
        self.is_mixer = blends.changes_labels(operation)
        _HOOKS[id(operation)] = self

    def __call__(self, *args, **kwargs):
        tracking = _THREAD.tracking
        # While Keras builds layers by tracing them nothing is computed, nor mixed.
        if tracking is None or keras_compat.in_symbolic_scope():
            return self.function(*args, **kwargs)
        return tracking.call(self, args, kwargs)


def _attach(hooks):
    for hook in hooks:
        attributes, function = hook.operation.__dict__, hook.operation.call
        hook.hidden = attributes.get("call")
        if function != hook.function:
            hook.function, hook.parameters = function, _parameters(function)
        # Past Keras's tracking of attributes, since a hook is none of the layer's.
        attributes["call"] = hook


def _detach(hooks):
    for hook in hooks:
        del hook.operation.__dict__["call"]
        if hook.hidden is not None:
            hook.operation.__dict__["call"] = hook.hidden


def _parameters(function):
    """The names of a function's parameters, as its caller counts them."""
    method = getattr(function, "__func__", None)
    if method is None:
        return list(inspect.signature(function).parameters)
    if method not in _PARAMETERS:
        _PARAMETERS[method] = list(inspect.signature(function).parameters)
    return _PARAMETERS[method]


@dataclasses.dataclass
class Frame:
    """A layer call in progress.

    Attributes:
        before: The mix points at which its arguments were mixed.
        now: These, and the mix points that it has passed so far.
    """

    before: frozenset
    now: frozenset


class Known(NamedTuple):
    """A tensor, kept so that its id stays its own, and the mix points it was mixed at."""

    tensor: object
    mixed_at: frozenset


class Tracking:
    """Follows, call by call, at which mix points tensors were mixed; a context for its thread.

    It knows what layers and Keras's operations compute. What a model computes between its layers
    in ways that Keras does not see is unknown: unknown data count as mixed like anything in the
    call around them; unknown masks like the arguments of that call.

    A subclass mixes: `mix` the outputs of a mix point, `mix_mask` a mask like the data beside it,
    `mix_inputs` the arguments of the base model or of an embedding.

    Args:
        base: The model that is called.
        mixes_at: A container of the layers, and paths of inputs, that are mix points.
    """

    def __init__(self, base, mixes_at):
        self.base = base
        self.mixes_at = mixes_at
        self.frames = [Frame(CLEAN, CLEAN)]
        self._known = {}

    def __enter__(self):
        self._outer, _THREAD.tracking = _THREAD.tracking, self

    def __exit__(self, *error):
        _THREAD.tracking = self._outer

    def call(self, hook, args, kwargs):
        """The `call` of one layer, on masks that are mixed like its data."""
        layer, function, count = hook.operation, hook.function, len(args)
        names = [*hook.parameters[:count], *[None] * (count - len(hook.parameters)), *kwargs]
        values = [*args, *kwargs.values()]
        before, unknown = self._of_data(
            [value for name, value in zip(names, values, strict=True) if not masks.is_mask(name)]
        )
        values = [
            self.mix_mask(layer, name, value, before)
            if masks.is_mask(name) and value is not None
            else value
            for name, value in zip(names, values, strict=True)
        ]
        if layer is self.base or hook.embeds:
            values = self.mix_inputs(layer, values, before, unknown)
        if hook.is_mixer and blends.takes_inputs_alone(args, kwargs):
            function = blends.unmixed(layer)
        self.frames.append(Frame(before, before))
        try:
            outputs = function(*values[:count], **dict(zip(kwargs, values[count:], strict=True)))
        finally:
            inner = self.frames.pop()
        passed = CLEAN
        if layer in self.mixes_at:
            outputs, passed = self.mix(layer, outputs, before, unknown)
        self.learn(outputs, inner.now | passed)
        self.frames[-1].now |= (inner.now - before) | passed
        return outputs

    def learn(self, structure, mixed_at):
        """Notes where the tensors of a structure were mixed."""
        for tensor in _tensors(structure):
            self._known[id(tensor)] = Known(tensor, mixed_at)

    def of_mask(self, mask):
        """The mix points at which a mask was mixed."""
        known = self._known.get(id(mask))
        return self.frames[-1].before if known is None else known.mixed_at

    def _of_data(self, values):
        """The mix points at which any of the tensors was mixed, and whether some are unknown."""
        frame, mixed_at, unknown = self.frames[-1], CLEAN, False
        for tensor in itertools.chain.from_iterable(map(_tensors, values)):
            # The mask that rides on an argument is as old as the argument.
            mask = keras_compat.mask_of(tensor)
            if mask is not None and id(mask) not in self._known:
                self.learn(mask, frame.before)
            if id(tensor) not in self._known and not frame.now:
                self._known[id(tensor)] = Known(tensor, CLEAN)
            known = self._known.get(id(tensor))
            unknown = unknown or known is None
            mixed_at |= frame.now if known is None else known.mixed_at
        return mixed_at, unknown


def _tensors(structure):
    """The tensors of a structure: mostly one, which eager steps would take long to flatten."""
    if ops.is_tensor(structure):
        return [structure]
    return filter(ops.is_tensor, keras.tree.flatten(structure))
