"""Leads the calls of a model's layers through the run of the thread, while one is under way."""

import inspect
import threading

# True while Keras builds layers by tracing them: nothing is computed there, nor mixed.
from keras.src.backend import in_symbolic_scope as only_building

from keras_mix.models import places
from keras_mix.models.inputs import graph_of


class _Thread(threading.local):
    """Replicas of a strategy trace in threads of their own, interleaved."""

    run = None


_THREAD = _Thread()


class Hooks:
    """A context in which a base model's layers report to a run.

    The layers' own `call` is back in its place when the last thread has left, whatever happened.

    Args:
        base: The model.
    """

    def __init__(self, base):
        self.base = base
        self._lock = threading.Lock()
        self._users = 0
        self._hooks = []

    def __enter__(self):
        with self._lock:
            if not self._users:
                self._hooks = [_Hook(operation) for operation in _operations(self.base)]
            self._users += 1

    def __exit__(self, *error):
        with self._lock:
            self._users -= 1
            if not self._users:
                for hook in reversed(self._hooks):
                    hook.remove()
                self._hooks = []


class Running:
    """A context in which a run is that of the thread."""

    def __init__(self, run):
        self.run = run

    def __enter__(self):
        self.outer, _THREAD.run = _THREAD.run, self.run

    def __exit__(self, *error):
        _THREAD.run = self.outer


class _Hook:
    """Stands in an instance's `call`, whose class's own it hides."""

    # Tells TensorFlow not to convert it where a user's own train step is converted.
    autograph_info__ = None

    def __init__(self, operation):
        self.operation = operation
        self.function = operation.call
        self.parameters = list(inspect.signature(self.function).parameters)
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


def _operations(base):
    """The layers in a model, and the operations of the functional models among them."""
    found = {}
    for layer in [base, *places.tree(base).values()]:
        for operation in [layer, *getattr(graph_of(layer), "operations", ())]:
            found[id(operation)] = operation
    return list(found.values())
