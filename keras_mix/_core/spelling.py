"""Names that users write: what a misspelt one may have meant, and how one is printed."""

import difflib


def suggestion(name, known):
    """Asks whether a known name was meant.

    Args:
        name: str, as it was given.
        known: iterable of str.

    Returns:
        str such as `" Did you mean 'mixup'?"`, empty if nothing known is like the name.

    Example:

    >>> suggestion("mixip", ["cutmix", "mixup"])
    " Did you mean 'mixup'?"
    """
    like = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean {like[0]!r}?" if like else ""


def printable(name):
    """Returns a name as text that can be printed: bytes that are no UTF-8 become escapes.

    Args:
        name: str or path; Python hands such bytes of files and arguments on as lone surrogates.

    Returns:
        str.
    """
    return str(name).encode("utf-8", "backslashreplace").decode("utf-8")
