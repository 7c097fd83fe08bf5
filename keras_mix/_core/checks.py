"""Checks of arguments. An error names the object, the rule, the value and the way out."""

import math
import numbers
from collections.abc import Mapping

import numpy as np

from keras_mix._core import dtypes, keras_compat
from keras_mix._core.kinds import NAMED

BOX_FORMATS = (
    "xyxy",
    "yxyx",
    "xywh",
    "center_xywh",
    "center_yxhw",
    "rel_xyxy",
    "rel_yxyx",
    "rel_xywh",
    "rel_center_xywh",
)
LABEL_MODES = ("auto", "pairs", "values", "union")
PAIRINGS = ("shuffle", "derange", "reverse", "roll")
PER = ("sample", "batch")
DATA_FORMATS = ("channels_last", "channels_first")
COLUMNS = ("continuous", "categorical")


def instance(owner, name, value):
    """Returns an instance; refuses a class, given where parentheses are missing."""
    if isinstance(value, type):
        raise ValueError(
            f"{owner}: `{name}` must be an instance, not a class. "
            f"Received: {name}={value.__name__}. {unmade(value)}"
        )
    return value


def given(name, value, example):
    """Refuses None where Keras would take it for an object that does nothing."""
    if value is None:
        raise ValueError(
            f"`{name}` must be given. Received: {name}=None. Pass {example}, or another."
        )


def unmade(value):
    """The way out if a class is given instead of an instance, else an empty string."""
    return f"Create one: {value.__name__}(…)." if isinstance(value, type) else ""


def number(name, value, *, low=0.0, high=math.inf):
    """A finite number between low and high, both included."""
    real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not real or not math.isfinite(value) or not low <= value <= high:
        limits = f" between {low:g} and {high:g}" if high < math.inf else f" of at least {low:g}"
        limits = limits if low > -math.inf else ""
        raise ValueError(f"`{name}` must be a finite number{limits}. Received: {name}={value!r}")
    return float(value)


def integer(name, value, *, low=None, high=None, optional=False):
    """An int (no bool), at least `low` and at most `high`; None only where it is optional."""
    if value is None and optional:
        return None
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not whole or (low is not None and value < low) or (high is not None and value > high):
        limits = "" if low is None else f" of at least {low}"
        limits = limits if high is None else f" between {low} and {high}"
        raise ValueError(f"`{name}` must be an integer{limits}. Received: {name}={value!r}")
    return int(value)


def boolean(name, value, *, optional=False):
    """A bool, also one of NumPy's; None only where it is optional."""
    if value is None and optional:
        return None
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"`{name}` must be True or False. Received: {name}={value!r}")
    return bool(value)


def columns(value):
    """None; a tuple of kinds, one for each column of a matrix; or a dict of these by name."""
    if isinstance(value, dict):
        return {name: columns(kind) for name, kind in value.items()}
    listed = isinstance(value, list | tuple)
    for kind in value if listed else [value]:
        if not (isinstance(kind, str) and kind in COLUMNS) and (listed or kind is not None):
            raise ValueError(
                f"`columns` must name kinds of columns, each one of {list(COLUMNS)}. "
                f"Received: columns={value!r}"
            )
    return tuple(value) if listed else value


def class_counts(values):
    """None, or a tuple of numbers above 0, the samples of each class."""
    if values is None:
        return None
    listed = isinstance(values, list | tuple) or hasattr(values, "tolist")
    counts = list(values.tolist() if hasattr(values, "tolist") else values) if listed else []
    if len(counts) < 2:
        raise ValueError(
            "`class_counts` must list the number of samples of each class. "
            f"Received: class_counts={values!r}"
        )
    return tuple(positive("class_counts", count) for count in counts)


def probabilities(values, count):
    """`count` floats that sum to 1; None stands for equal ones."""
    if values is None:
        return [1.0 / count] * count
    found = [number("probabilities", value, high=1.0) for value in values]
    if len(found) != count or abs(sum(found) - 1.0) > 1e-6:
        raise ValueError(
            "`probabilities` must be a list of one number for each mixer, "
            f"{count} in all, that sum to 1. "
            f"Received: probabilities={values!r}"
        )
    return found


def weights(values, count):
    """`count` floats that sum to 1, from numbers ≥ 0 in their proportion."""
    found = np.asarray(values, "float64")
    if found.shape != (count,) or not (found >= 0).all() or not 0 < found.sum() < np.inf:
        raise ValueError(
            f"`probabilities` must be a list of one number for each choice, {count} in all, "
            f"none negative and not all 0. Received: probabilities={values!r}"
        )
    return (found / found.sum()).tolist()


def positive(name, value):
    """A finite number above 0."""
    if number(name, value) == 0:
        raise ValueError(f"`{name}` must be a finite number above 0. Received: {name}={value!r}")
    return float(value)


def interval(name, value, *, low=0.0, high=math.inf):
    """A pair of finite numbers between low and high, the smaller first."""
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise ValueError(f"`{name}` must be a pair (low, high). Received: {name}={value!r}")
    first, last = (number(name, v, low=low, high=high) for v in value)
    if first > last:
        raise ValueError(
            f"`{name}` must be a pair (low, high), the smaller first. Received: {name}={value!r}"
        )
    return first, last


def pair(name, value, *, low):
    """A pair of ints of at least `low`; one int stands for two."""
    values = value if isinstance(value, tuple | list) else (value, value)
    if len(values) != 2:
        raise ValueError(f"`{name}` must be an integer or a pair. Received: {name}={value!r}")
    return tuple(integer(name, v, low=low) for v in values)


def counts(name, value):
    """A pair of ints of at least 0, the smaller first; one int stands for two."""
    least, most = pair(name, value, low=0)
    if least > most:
        raise ValueError(
            f"`{name}` must be a pair (least, most), the smaller first. Received: {name}={value!r}"
        )
    return least, most


def length(name, value):
    """An int of at least 1, in pixels, or a float in (0, 1], a fraction of the side."""
    if isinstance(value, numbers.Integral):
        return integer(name, value, low=1)
    if not isinstance(value, numbers.Real) or not 0 < value <= 1:
        raise ValueError(
            f"`{name}` must be an integer of at least 1, in pixels, or a float in (0, 1], a "
            f"fraction of the side. Received: {name}={value!r}"
        )
    return float(value)


def fill_value(name, value):
    """A finite number, or "mean"."""
    if value == "mean":
        return value
    return number(name, value, low=-math.inf)


def choice(name, value, known):
    """One of the known strings."""
    if value not in known:
        raise ValueError(f"`{name}` must be one of {list(known)}. Received: {name}={value!r}")
    return value


def box_format(name, value):
    """None, or one of Keras's formats in any case."""
    if value is None:
        return None
    lower = value.lower() if isinstance(value, str) else value
    return choice(name, lower, BOX_FORMATS)


def names(name, values):
    """A tuple of strings; refuses a single string, a common mistake."""
    listed = isinstance(values, list | tuple | set)
    if not listed or not all(isinstance(value, str) for value in values):
        raise ValueError(f"`{name}` must be a list of strings. Received: {name}={values!r}")
    return tuple(values)


def name(option, value):
    """None, or a string, the name of a leaf."""
    if value is not None and not isinstance(value, str):
        raise ValueError(f"`{option}` must be one name, a string. Received: {option}={value!r}")
    return value


def mapping(name, value):
    """A dict keyed by leaf name; None stands for an empty one."""
    if value is not None and not isinstance(value, Mapping):
        raise ValueError(f"`{name}` must be a dict keyed by name. Received: {name}={value!r}")
    return dict(value or {})


def kinds(value):
    """A mapping from the name of a leaf to one of the known kinds."""
    value = mapping("kinds", value)
    for name, kind in value.items():
        if kind not in NAMED:
            raise ValueError(
                f"`kinds` must map names of inputs and targets to one of {list(NAMED)}. "
                f"Received: {name!r}: {kind!r}"
            )
    return value


def named_once(kinds, passthrough):
    """Refuses names that are in both options."""
    both = [name for name in kinds if name in passthrough]
    if both:
        raise ValueError(
            "`kinds` must not name what `passthrough` returns unchanged. "
            f"Received: {', '.join(map(repr, both))} in both. Leave it out of one of them."
        )


def num_classes(value):
    """None, an int of at least 2, or a dict of them by the name of the head."""
    if isinstance(value, dict):
        return {name: _count_of_classes(count) for name, count in value.items()}
    return None if value is None else _count_of_classes(value)


def _count_of_classes(value):
    if value == 1 and not isinstance(value, bool):
        raise ValueError(
            "`num_classes` must be an integer of at least 2. Received: num_classes=1. For one "
            "sigmoid output leave out num_classes and cast the labels to float32."
        )
    return integer("num_classes", value, low=2)


def padding_id(value):
    """None, an int, or a dict of them by the name of the leaf."""
    if isinstance(value, dict):
        return {name: integer("padding_id", number) for name, number in value.items()}
    return integer("padding_id", value, optional=True)


def special_tokens(value):
    """None, or a pair of ints of at least 0."""
    return None if value is None else pair("special_tokens", value, low=0)


def label_options(label_mode, smoothing):
    """Packed pairs carry class ids, which cannot be smoothed."""
    if label_mode == "pairs" and smoothing:
        raise ValueError(
            '`label_smoothing` cannot be packed with label_mode="pairs". '
            f"Received: label_smoothing={smoothing}. Smooth in the loss instead: "
            "MixedLoss(keras.losses.CategoricalCrossentropy(label_smoothing=…))."
        )


def reject(owner, leaf, rule, received, way_out=""):
    """Raises a ValueError about one leaf."""
    refuse(owner, f"`{leaf}` {rule}", received, way_out)


def refuse(owner, rule, received, way_out=""):
    """Raises a ValueError of one sentence: owner, rule, what was received, way out."""
    sentence = f"{owner}: {rule}. Received: {received}. {way_out}".rstrip()
    raise keras_compat.without_call_info(ValueError(sentence))


def described(tensor):
    """The dtype and the shape of a tensor, for error messages."""
    if not hasattr(tensor, "shape"):
        return "None" if tensor is None else f"a {type(tensor).__name__}"
    if getattr(tensor.shape, "rank", 0) is None:
        return f"dtype={dtypes.of(tensor)}, an unknown shape"
    return f"dtype={dtypes.of(tensor)}, shape={tuple(tensor.shape)}"
