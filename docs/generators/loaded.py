"""The package as griffe reads it, without importing it."""

import functools
from pathlib import Path

import griffe


@functools.cache
def package():
    """Returns keras_mix."""
    return griffe.load("keras_mix", search_paths=[Path(__file__).parents[2]])


def summary(found):
    """Returns the first sentence of a docstring, safe in a table."""
    text = found.docstring.value if found.docstring else ""
    return text.split("\n\n")[0].replace("\n", " ").replace("|", "\\|")
