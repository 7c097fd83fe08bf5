"""Routes the calls of a model's layers through the run of the thread, while one is under way."""

import inspect
import threading
import weakref

from keras_mix._core import tf_compat

# True while Keras builds layers by tracing them: nothing is computed there, nor mixed.
from keras_mix._core.keras_compat import graph_of
from keras_mix._core.keras_compat import in_symbolic_scope as only_building
from keras_mix.models._forward import mix_points


class _Thread(threading.local):
    """Replicas of a strategy trace in threads of their own, interleaved."""

    run = None


_THREAD = _Thread()
# Wrappers may share layers, so that the hooks in place belong to all wrappers together.
_LOCK = threading.Lock()
_IN_PLACE = {}
# The parameters of a function never change, and most layers share few functions.
_PARAMETERS = weakref.WeakKeyDictionary()


class Hooks:
    """A context in which a base model's layers report to the run of the thread.

    The layers' own `call` is back in its place when the last context around them has ended,
    whichever wrapper and thread it belongs to. Contexts may end in any order.

    Args:
        base: The model.
    """

    def __init__(self, base):
        self.base = base
        self._thread = _Entered()

    def __enter__(self):
        # Layers may be added at any time: they are found anew, in linear time.
        operations = _operations(self.base)
        with _LOCK:
            for operation in operations:
                hook = _IN_PLACE.get(id(operation))
                if hook is None:
                    hook = _IN_PLACE[id(operation)] = _Hook(operation)
                hook.users += 1
        self._thread.operations.append(operations)

    def __exit__(self, *error):
        with _LOCK:
            for operation in self._thread.operations.pop():
                hook = _IN_PLACE[id(operation)]
                hook.users -= 1
                if not hook.users:
                    hook.remove()
                    del _IN_PLACE[id(operation)]


class Running:
    """A context in which a run is that of the thread."""

    def __init__(self, run):
        self.run = run

    def __enter__(self):
        self.outer, _THREAD.run = _THREAD.run, self.run

    def __exit__(self, *error):
        _THREAD.run = self.outer


class _Entered(threading.local):
    """The operations of the contexts that a thread has entered."""

    def __init__(self):
        self.operations = []


@tf_compat.without_autograph
class _Hook:
    """Stands in an instance's `call`, whose class's own it hides."""

    def __init__(self, operation):
        self.users = 0
        self.operation = operation
        self.function = operation.call
        self.parameters = _parameters(self.function)
        self.hidden = operation.__dict__.get("call")
        # Past Keras's tracking of attributes, which this is none of.
        operation.__dict__["call"] = self

    def __call__(self, *args, **kwargs):
        run = _THREAD.run
        if run is None or only_building():
            return self.function(*args, **kwargs)
        return run.call(self.operation, self.function, self.parameters, args, kwargs)

    def remove(self):
        """Puts the instance back as it was."""
        del self.operation.__dict__["call"]
        if self.hidden is not None:
            self.operation.__dict__["call"] = self.hidden


def _parameters(function):
    """The names of a function's parameters, as its caller counts them."""
    method = getattr(function, "__func__", None)
    if method is None:
        return list(inspect.signature(function).parameters)
    if method not in _PARAMETERS:
        _PARAMETERS[method] = list(inspect.signature(function).parameters)
    return _PARAMETERS[method]


def _operations(base):
    """The layers in a model, and the operations of the functional models among them."""
    found = {}
    for layer in [base, *mix_points.held(base)]:
        for operation in [layer, *getattr(graph_of(layer), "operations", ())]:
            found[id(operation)] = operation
    return list(found.values())
