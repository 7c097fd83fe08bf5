"""Every private name of TensorFlow that the package uses, each with the reason; TF is not imported.

tests/test_keras_compat.py has a canary for each name, which says what depends on it.
"""

import sys


def inputs_of(dataset):
    """The datasets that a dataset reads. There is no public way to walk a pipeline."""
    return dataset._inputs()


def has_devices():
    """Whether TensorFlow has created its devices, and with them its allocators.

    Whatever asks by public names creates them.
    """
    eager = sys.modules.get("tensorflow.python.eager.context")
    return eager is not None and eager.context()._initialized


def without_autograph(callable_class):
    """A class whose instances TensorFlow calls as they are, not converted by AutoGraph.

    `tf.autograph.experimental.do_not_convert` would need TensorFlow on every backend.
    """
    callable_class.autograph_info__ = None
    return callable_class
