"""Mixers written as text, such as `"mixup:alpha=0.4,cutmix"`, and the layers they mean.

The grammar:

    mixers   = item ("," item)*
    item     = mixer | argument
    mixer    = name [":" argument]
    argument = key "=" value

An argument belongs to the last mixer before it, so `mixup:alpha=0.4,rate=0.5,cutmix` are two
mixers. Names are those of `keras_mix.layers`, in any case, or `none` for no mixing. A value is a
Python literal (`0.4`, `None`, `True`, `(2, 2)`) or else text without quotes. Commas in brackets do
not separate.
"""

import ast
import inspect
import re

import keras

from keras_mix import layers
from keras_mix.evaluate.results import BASELINE


def parse(text):
    """Makes the mixers that a text names.

    Args:
        text: str in the grammar above, or a list of such texts.

    Returns:
        dict, the mixer as it was written, without spaces around its parts → a layer, or None
        for `none`.

    Raises:
        ValueError: if a name or an argument is unknown, a mixer stands there twice or refuses an
            argument; the sentence lists what is known.

    Example:

    >>> list(parse("none, mixup:alpha=0.4, rate=0.5, CutMix"))
    ['none', 'mixup:alpha=0.4,rate=0.5', 'cutmix']
    """
    items = _items(text if isinstance(text, str) else ",".join(text))
    mixers = {}
    for name, arguments in items:
        written = name + ":" * bool(arguments) + ",".join(arguments)
        if written in mixers:
            raise ValueError(f"mixers: each mixer may stand there once. Received twice: {written}")
        mixers[written] = _layer(name, arguments)
    return mixers


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


def _layer(name, arguments):
    """Returns the layer called `name` in any case, or None for the baseline."""
    known = {mixer.lower(): mixer for mixer in layers.__all__ if mixer != "MixPoint"}
    if name == BASELINE and not arguments:
        return None
    if name not in known:
        raise ValueError(
            f"mixers: unknown mixer. Received: {name!r}. Known: "
            f"{', '.join([BASELINE, *sorted(known)])} (none takes no arguments)"
        )
    mixer = getattr(layers, known[name])
    accepted = _arguments(mixer)
    keywords = {}
    for argument in arguments:
        key, _, value = argument.partition("=")
        if key not in accepted:
            raise ValueError(
                f"mixers: {known[name]} has no such argument. Received: {argument!r}. "
                f"Known: {', '.join(accepted)}"
            )
        keywords[key] = _value(value)
    try:
        return mixer(**keywords)
    except TypeError as error:
        raise ValueError(f"mixers: {known[name]} refused {arguments}: {error}") from error


def _arguments(mixer):
    """Returns list of str: a mixer's own arguments, then those that all mixers share."""
    names = {}
    for cls in mixer.__mro__[: mixer.__mro__.index(keras.layers.Layer)]:
        for parameter in list(inspect.signature(cls.__init__).parameters.values())[1:]:
            if parameter.kind is not parameter.VAR_KEYWORD:
                names[parameter.name] = None
    return list(names)


def _value(text):
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text
