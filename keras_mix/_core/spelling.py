"""Names that users write: suggestions for misspelled ones, and printable forms."""

import difflib


def suggestion(name, known):
    """A question with the known name that is closest to a given one.

    Args:
        name: str, the given name.
        known: Iterable of str.

    Returns:
        str, such as `" Did you mean 'mixup'?"`; empty if no known name is similar.

    Example:

    >>> suggestion("mixip", ["cutmix", "mixup"])
    " Did you mean 'mixup'?"
    """
    like = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean {like[0]!r}?" if like else ""


def printable(name):
    """A name as printable text: bytes that are not UTF-8 are escaped.

    Args:
        name: str or path. Python represents such bytes as lone surrogates.

    Returns:
        str.
    """
    return str(name).encode("utf-8", "backslashreplace").decode("utf-8")
