"""Opens an address in the browser without showing it to other users of the machine."""

import contextlib
import html
import os
import tempfile
import webbrowser
from pathlib import Path


@contextlib.contextmanager
def opened(address):
    """A context in which the browser has been sent to an address.

    The arguments of a process can be read by all users, so the browser is given a file, readable by
    this user alone, that sends it on.
    """
    number, name = tempfile.mkstemp(suffix=".html")
    target = html.escape(address)
    with os.fdopen(number, "w", encoding="utf-8") as file:
        file.write(
            f'<!doctype html><meta charset="utf-8"><title>keras_mix explorer</title>'
            f'<meta http-equiv="refresh" content="0; url={target}"><a href="{target}">Explorer</a>'
        )
    try:
        webbrowser.open(Path(name).as_uri())
        yield
    finally:
        Path(name).unlink(missing_ok=True)
