"""Mixers written as strings, such as `"mixup:alpha=0.4,cutmix"`.

The grammar:

    mixers   = item ("," item)*
    item     = mixer | argument
    mixer    = name [":" argument]
    argument = key "=" value

An argument belongs to the mixer before it, so `mixup:alpha=0.4,rate=0.5,cutmix` are two mixers.
Names are those of `keras_mix.layers`, in any case, which mix in the data pipeline; these followed
by `-device`, which mix in the train step; `manifold` for ManifoldMixup and `regmixup` for RegMixup;
`none` for no mixing; or `all` for every mixer of `keras_mix.layers` with its defaults. Besides its
own arguments every mixer takes `unmixed_epochs=k`, which switches it off for the last k epochs, or
for that fraction of them. A value is a Python literal (`0.4`, `None`, `True`, `(2, 2)`), an object
of `keras_mix.pairings`, `label_rules` or `lambda_rules`, such as
`pairing=ByClass('rare', exponent=0.5)`, or else a string without quotes. Commas in brackets do not
separate.
"""

import ast
import functools
import re
from typing import Any, NamedTuple

import keras

from keras_mix import label_rules, lambda_rules, layers, models, pairings
from keras_mix._core import checks
from keras_mix._core.options import signatures
from keras_mix._core.spelling import suggestion
from keras_mix.evaluate.results import BASELINE
from keras_mix.layers._class_modules import OF_IMAGES

# Models that mix in their train step, by the name of each.
WRAPPERS = {"manifold": "ManifoldMixup", "regmixup": "RegMixup"}
ALL = "all"
ON_DEVICE = "-device"
UNMIXED_EPOCHS = "unmixed_epochs"


class SwitchedOff(NamedTuple):
    """A mixer that is switched off for the last epochs of a training.

    Attributes:
        mixer: A layer, or a callable that wraps a model.
        unmixed_epochs: Integer ≥ 1, or float in (0, 1). Number of final epochs that train unmixed,
            or their fraction of all epochs, as in `keras_mix.callbacks.MixSchedule`.
    """

    mixer: Any
    unmixed_epochs: int | float


def parse(text):
    """Creates the mixers that a string describes.

    Args:
        text: String in the grammar above, or a list of such strings.

    Returns:
        Dict from each mixer as written, without spaces, to a layer; to a callable that wraps a
        model, for mixing in the train step; to a `SwitchedOff` of these; or to None for `none`.

    Raises:
        ValueError: If a name or an argument is unknown, or if a mixer occurs twice or refuses an
            argument; the message lists what is known.

    Example:

    >>> list(parse("none, mixup:alpha=0.4, rate=0.5, CutMix"))
    ['none', 'mixup:alpha=0.4,rate=0.5', 'cutmix']
    """
    items = _items(text if isinstance(text, str) else ",".join(text))
    items = [known for item in items for known in _meant(*item)]
    mixers = {}
    for name, arguments in items:
        written = name + ":" * bool(arguments) + ",".join(arguments)
        if written in mixers:
            raise ValueError(f"mixers: each mixer may occur once. Received twice: {written}")
        mixers[written] = _mixer(name, arguments)
    return mixers


def wraps(mixer):
    """Whether a mixer is a callable that wraps a model, not a layer."""
    mixer = mixing(mixer)
    return mixer is not None and not isinstance(mixer, keras.layers.Layer)


def mixing(mixer):
    """The layer, callable or None that mixes until a mixer is switched off, if it is."""
    return mixer.mixer if isinstance(mixer, SwitchedOff) else mixer


def unmixed_epochs(mixer, epochs):
    """Number of final epochs, of so many, that a `SwitchedOff` leaves unmixed."""
    ends = mixer.unmixed_epochs
    return round(ends * epochs) if isinstance(ends, float) else ends


def pictured(mixers):
    """dict, name → layer or None, of those whose mixtures are pictures: not of hidden states."""
    layers = {name: mixing(mixer) for name, mixer in mixers.items()}
    inner = {
        name: getattr(mixer, "keywords", {}).get("mixer") if wraps(mixer) else mixer
        for name, mixer in layers.items()
    }
    return {name: layer for name, layer in inner.items() if layer or mixers[name] is None}


def _items(text):
    """Returns list of (name in lower case, list of `key=value` texts)."""
    items = []
    for item in re.split(r",(?![^(\[]*[)\]])", text):
        name, colon, argument = (part.strip() for part in item.partition(":"))
        if not colon and "=" in name and items:
            argument = name
        else:
            items.append((name.lower(), []))
        if colon or argument:
            key, equals, value = (part.strip() for part in argument.partition("="))
            if not (key and equals and value):
                raise ValueError(
                    "mixers: an argument must read name=value, as in mixup:alpha=0.4. "
                    f"Received: {item.strip()!r}"
                )
            items[-1][1].append(f"{key}={value}")
    return items


def _known():
    """Returns dict, name in lower case → name in `keras_mix.layers`."""
    return {mixer.lower(): mixer for mixer in OF_IMAGES}


def _meant(name, arguments):
    """Returns list of (name, list of arguments): the item itself, or each mixer for `all`."""
    if name != ALL:
        return [(name, arguments)]
    if arguments:
        raise ValueError(f"mixers: {ALL} takes no arguments. Received: {','.join(arguments)!r}")
    return [(mixer, []) for mixer in sorted(_known())]


def _mixer(name, arguments):
    """Returns what `name` in any case means, switched off where an argument says so."""
    ends = [argument for argument in arguments if argument.startswith(f"{UNMIXED_EPOCHS}=")]
    if not ends or name == BASELINE:
        return _layer(name, arguments)
    epochs = _value(ends[-1].partition("=")[2])
    if not (isinstance(epochs, float) and 0 < epochs < 1):
        checks.integer(UNMIXED_EPOCHS, epochs, low=1)
    return SwitchedOff(_layer(name, [each for each in arguments if each not in ends]), epochs)


def _layer(name, arguments):
    """Returns the layer, callable or None that a name means."""
    known = _known()
    if name == BASELINE and not arguments:
        return None
    if name in WRAPPERS:
        wrapper = getattr(models, WRAPPERS[name])
        return functools.partial(
            wrapper, **_keywords(wrapper, arguments, hidden=("model", "mixer", "name", "dtype"))
        )
    inner = name.removesuffix(ON_DEVICE)
    if inner not in known:
        names = [BASELINE, *known, *WRAPPERS, ALL, *(other + ON_DEVICE for other in known)]
        raise ValueError(
            f"mixers: unknown mixer. Received: {name!r}. Known: "
            f"{', '.join([BASELINE, *sorted(known), *WRAPPERS, ALL])} (none and all take no "
            f"arguments), and all but these, {' and '.join(WRAPPERS)} with {ON_DEVICE} after the "
            "name." + suggestion(name, names)
        )
    mixer = getattr(layers, known[inner])
    keywords = _keywords(mixer, arguments)
    try:
        layer = mixer(**keywords)
    except TypeError as error:
        raise ValueError(f"mixers: {known[inner]} refused {arguments}: {error}") from error
    return layer if inner == name else functools.partial(models.MixingModel, mixer=layer)


def _keywords(thing, arguments, hidden=("name", "dtype")):
    """Returns dict, the `key=value` texts as arguments of a class."""
    accepted = [name for name in signatures.arguments(thing) if name not in hidden]
    keywords = {}
    for argument in arguments:
        key, _, value = argument.partition("=")
        if key not in accepted:
            raise ValueError(
                f"mixers: {thing.__name__} has no such argument. Received: {argument!r}. "
                f"Known: {', '.join(accepted)}." + suggestion(key, accepted)
            )
        keywords[key] = _value(value)
    return keywords


def _value(text):
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return _made(text)


def _made(text):
    """What a call such as `ByLabel(bandwidth=2)` makes; other text stays as it is."""
    name, bracket, _ = text.partition("(")
    homes = pairings, label_rules, lambda_rules
    known = {n: getattr(home, n) for home in homes for n in home.__all__}
    if not bracket or name not in known:
        return text
    try:
        call = ast.parse(text, mode="eval").body
        values = [ast.literal_eval(node) for node in call.args]
        named = {word.arg: ast.literal_eval(word.value) for word in call.keywords}
        return known[name](*values, **named)
    except (SyntaxError, TypeError, AttributeError) as error:
        raise ValueError(f"mixers: {name} refused {text!r}: {error}") from error
