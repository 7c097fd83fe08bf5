"""The controls of a mixer's options, derived from its signature and its docstring.

A signature says whether an option is a number, a pair, a choice or a switch, and the description of
an argument begins with its range, such as "Float in [0, 1].", as the checks have it.
"""

import dataclasses
import inspect
import re
from typing import Any, ClassVar, Literal, get_args, get_origin

from keras_mix import layers
from keras_mix._core.options import signatures
from keras_mix.layers._class_modules import OF_IMAGES

# The shared options that change what one sees; of a mixer's own, the number of axes that it cuts
# follows from the data.
SHARED = ("keep_major", "pairing", "per", "rate", "label_smoothing")
OF_DATA = ("spatial_dims",)
# A range without an upper end goes up to a multiple of the default.
TIMES, LEAST_NUMBER, LEAST_COUNT = 4.0, 2.0, 4
# What a sentence of the docstrings means for the picture.
PLAIN = {
    "Concentration α of Beta(α, α).": (
        "Small: mostly one image; 1: every share equally likely; large: half and half."
    )
}
# A description of more characters ends at its first comma.
LONG = 90
_NUMBER = r"-?[\d.]*\d"
_RANGE = re.compile(
    rf"(?P<type>float|integer)s?(?: (?P<sign>[≥>]) (?P<least>{_NUMBER})"
    rf"| in (?P<open>[(\[])(?P<low>{_NUMBER}), (?P<high>{_NUMBER})[)\]])",
    re.IGNORECASE,
)


@dataclasses.dataclass(frozen=True)
class Number:
    """A slider.

    Attributes:
        name: The option.
        about: Sentence on the option.
        default: Its default.
        low: Smallest value.
        high: Largest value; the option itself may take larger ones.
        step: Distance of the values.
    """

    name: str
    about: str
    default: float
    low: float
    high: float
    step: float

    kind: ClassVar[str] = "number"

    @property
    def whole(self):
        """Whether the values are integers."""
        return isinstance(self.step, int)

    @property
    def extremes(self):
        """The first and the last value."""
        return self.low, self.high

    def read(self, text):
        """The value that a text, such as that of a query, stands for."""
        try:
            value = (int if self.whole else float)(text)
        except ValueError:
            noun = "an integer" if self.whole else "a number"
            raise ValueError(f"`{self.name}` must be {noun}. Received: {text!r}") from None
        _check_range(self, (value,), text)
        return value


@dataclasses.dataclass(frozen=True)
class Pair:
    """A slider with two ends; its attributes are those of a `Number`, with a pair as default."""

    name: str
    about: str
    default: tuple
    low: float
    high: float
    step: float

    kind: ClassVar[str] = "pair"
    whole: ClassVar[bool] = False

    @property
    def extremes(self):
        """The widest pair, and the narrowest ones at both ends."""
        return (self.low, self.high), (self.low, self.low), (self.high, self.high)

    def read(self, text):
        """The pair that a text such as `0.2,0.8` stands for."""
        try:
            low, high = map(float, text.split(","))
        except ValueError:
            raise ValueError(
                f"`{self.name}` must be two numbers, such as 0.2,0.8. Received: {text!r}"
            ) from None
        _check_range(self, (low, high), text)
        return low, high


@dataclasses.dataclass(frozen=True)
class Choice:
    """A choice among values.

    Attributes:
        name: The option.
        about: Sentence on the option.
        default: Its default.
        values: Tuple of strings and numbers.
    """

    name: str
    about: str
    default: Any
    values: tuple

    kind: ClassVar[str] = "choice"

    @property
    def extremes(self):
        """All values."""
        return self.values

    def read(self, text):
        """The value of that name."""
        for value in self.values:
            if str(value) == text:
                return value
        raise ValueError(
            f"`{self.name}` must be one of {[str(each) for each in self.values]}. "
            f"Received: {text!r}"
        )


@dataclasses.dataclass(frozen=True)
class Switch:
    """A check box.

    Attributes:
        name: The option.
        about: Sentence on the option.
        default: Its default.
    """

    name: str
    about: str
    default: bool

    kind: ClassVar[str] = "switch"

    @property
    def extremes(self):
        """Both values."""
        return False, True

    def read(self, text):
        """The value that `true` or `false` stands for."""
        if text not in ("true", "false"):
            raise ValueError(f"`{self.name}` must be true or false. Received: {text!r}")
        return text == "true"


def _check_range(control, values, text):
    """Refuses what a slider cannot be moved to, which might take all time and memory."""
    if not all(control.low <= value <= control.high for value in values):
        raise ValueError(
            f"`{control.name}` must be between {control.low} and {control.high}. "
            f"Received: {text!r}. Set other values in code."
        )


def of_mixer(name, *, labelled):
    """Derives the controls of a mixer.

    Args:
        name: Name of a mixer of images of `keras_mix.layers`.
        labelled: Boolean. Whether the batch has labels.

    Returns:
        Dict from the names of options to their controls, the mixer's own first.
    """
    cls = getattr(layers, name)
    idle = cls().without_effect()
    hidden = {*OF_DATA, *(() if labelled else ("label_smoothing",)), *idle}
    texts = signatures.entries(inspect.getdoc(cls) + "\n")
    shared = inspect.signature(layers.Mixer).parameters
    parameters = inspect.signature(cls).parameters.values()
    shown = [each for each in parameters if each.name in SHARED or each.name not in shared]
    shown.sort(key=lambda each: each.name in SHARED)
    found = (_control(each, texts[each.name]) for each in shown if each.name not in hidden)
    return {control.name: control for control in found if control is not None}


def names():
    """The mixers that can be shown."""
    return OF_IMAGES


def about(name):
    """The first sentence of a mixer's docstring."""
    return " ".join(inspect.getdoc(getattr(layers, name)).partition("\n\n")[0].split())


def _control(parameter, text):
    """The control of an option; None for one that no control can set."""
    name, default = parameter.name, parameter.default
    described = " ".join(text.split()).partition(": ")[2]
    sentence = _sentence(described)
    types, literals = _types(parameter.annotation)
    if bool in types:
        return Switch(name, sentence, default)
    number = next((each for each in (float, int) if each in types), None)
    if number is None and literals:
        return Choice(name, sentence, default, literals)
    pairs = [each for each in types if get_origin(each) is tuple]
    if number is None and not pairs:
        return None
    if default is None:
        # An option that is off by default has no place on a slider.
        return None
    limits = _limits(described, float if number is None else number, default)
    if limits is None:
        return Choice(name, sentence, default, (default, *literals)) if literals else None
    return (Pair if number is None else Number)(name, sentence, default, *limits)


def _types(annotation):
    """The members of a union, and the values of its literals."""
    members = [annotation]
    if get_origin(annotation) not in (None, tuple, Literal):
        members = get_args(annotation)
    values = [value for each in members if get_origin(each) is Literal for value in get_args(each)]
    return [each for each in members if get_origin(each) is not Literal], tuple(values)


def _limits(described, number, default):
    """The lowest and the highest value and the step of an option; None without a range."""
    word = {float: "float", int: "integer"}[number]
    ranges = [each for each in _RANGE.finditer(described) if each["type"].lower() == word]
    if not ranges:
        return None
    (found, *_) = ranges
    low = number(found["least"] or found["low"])
    if found["high"]:
        high = number(found["high"])
    else:
        largest = max(default) if isinstance(default, tuple) else default
        least = LEAST_COUNT if number is int else LEAST_NUMBER
        high = number(max(least, TIMES * largest))
    step = 1 if number is int else _step(high - low)
    if found["sign"] == ">" or found["open"] == "(":
        low += step
    return low, high, step


def _step(span):
    """A round number, about a hundredth of a span."""
    return 0.01 if span <= 2 else 0.05 if span <= 5 else 0.1


def _sentence(described):
    """What the option does, in a few words: the description's first sentence after its type."""
    sentences = re.split(r"(?<=\.) (?=[A-Z`\"])", described)
    words = re.split("[;:]", sentences[min(1, len(sentences) - 1)])[0]
    if len(words) > LONG:
        words = words.partition(",")[0]
    sentence = words.replace("`", "").rstrip(".") + "."
    return f"{sentence} {PLAIN[sentence]}" if sentence in PLAIN else sentence
