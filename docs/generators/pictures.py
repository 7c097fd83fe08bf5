"""Draws the panels of cards into files, each once for a state of what they depend on."""

import functools
import json

import kept

PICTURES = "assets/mixers"  # their folder in the site


@functools.cache
def folder():
    """Returns the folder of the pictures of this state, which holds them after the call."""
    return kept.folder("panels", ("docs/generators/panels/*.py", "tools/draw_gallery.py"))


@functools.cache
def panels():
    """Returns {name of a class: [{"file", "title", "caption"}, …]}."""
    return json.loads((folder() / "panels.json").read_text("utf-8"))
