"""The names of leaves, and options that refer to a leaf by its name."""

from keras_mix._core import checks, spelling


def key(name):
    """The last part of a leaf's name, as users know it from their dicts."""
    return name.split("/")[-1]


def entry(options, name):
    """What a dict by names holds for a leaf, by its whole name or the last part; else None."""
    return options.get(name, options.get(key(name)))


def check_known(owner, option, name, known):
    """Refuses a name that no leaf has.

    Args:
        owner: The name that the message begins with.
        option: The option that refers to the leaf, for the message.
        name: A whole name, or the last part of one.
        known: The whole names of all leaves that the option can refer to.
    """
    ends = [key(each) for each in known]
    if name in known or name in ends:
        return
    checks.refuse(
        owner,
        f"`{option}` must name leaves of the batch",
        f"{name!r} beside {', '.join(known)}",
        spelling.suggestion(str(name), [*ends, *known]).strip(),
    )


def position(owner, option, name, known):
    """The position among the known names of the one that an option refers to.

    Args:
        owner: The name that the message begins with.
        option: The option, for the message.
        name: A whole name, such as "x/ecg", or the last parts of one, "ecg".
        known: The names of all leaves that the option can refer to; None for one that it cannot.
    """
    for found in (
        [index for index, each in enumerate(known) if each == name],
        [index for index, each in enumerate(known) if f"/{each}".endswith(f"/{name}")],
    ):
        if len(found) == 1:
            return found[0]
        if found:
            break
    listed = ", ".join(each for each in known if each is not None) or "none"
    return checks.refuse(
        owner,
        f"`{option}` must name one of the leaves it can refer to, by its whole name if several "
        "end alike",
        f"{option}={name!r} beside {listed}",
    )
