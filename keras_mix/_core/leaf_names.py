"""The names of leaves, and options that refer to a leaf by its name."""

from keras_mix._core import checks, spelling


def key(name):
    """The last part of a leaf's name, which is its key in the user's dict."""
    return name.split("/")[-1]


def entry(options, name):
    """The value of a dict for a leaf, by its whole name or the last part; None if missing."""
    return options.get(name, options.get(key(name)))


def check_known(owner, option, name, known):
    """Refuses a name that no leaf has.

    Args:
        owner: The name that the message begins with.
        option: The name of the option that refers to the leaf.
        name: The whole name of a leaf, or its last part.
        known: The whole names of all leaves that the option can refer to.
    """
    ends = [key(each) for each in known]
    if name in known or name in ends:
        return
    checks.refuse(
        owner,
        f"`{option}` names {name!r}, which the batch does not have",
        f"a batch of {', '.join(known)}",
        spelling.suggestion(str(name), [*ends, *known]).strip(),
    )


def position(owner, option, name, known, way_out=""):
    """The index of the leaf that an option refers to.

    Args:
        owner: The name that the message begins with.
        option: The name of the option.
        name: A whole name, such as "x/ecg", or its last parts, such as "ecg".
        known: List of the names of all leaves; None for one that the option cannot refer to.
        way_out: What to do instead, a sentence.
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
        way_out,
    )
