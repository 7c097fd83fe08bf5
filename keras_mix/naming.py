"""The names of leaves, and options that refer to a leaf by its name."""

from keras_mix import checks


def key(name):
    """The last part of a leaf's name, as users know it from their dicts."""
    return name.split("/")[-1]


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
