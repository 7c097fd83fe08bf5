"""The page of a scene, from its template."""

import dataclasses
import functools
import html
import importlib.resources
import json
import re

from keras_mix.plot._explorer import cards, controls
from keras_mix.plot._explorer.images import PNG
from keras_mix.plot._explorer.scene import FIRST

# The beginning of the ids of the unmixed images.
PREFIX = "kmx-o"


@functools.cache
def file(name):
    """The text of a file beside this one."""
    return importlib.resources.files(__package__).joinpath(name).read_text("utf-8")


def answer(scene, mixer, options, seed, encoder=PNG):
    """Dict of what the page shows of a picture: its cards and its code."""
    picture = scene.picture(mixer, options, seed)
    return {"cards": cards.of_picture(scene, picture, PREFIX, encoder), "code": picture.code}


def data(scene):
    """Dict of what the page builds its controls of."""
    return {
        "first": FIRST,
        "seed": scene.first_seed,
        "objects": scene.has_objects,
        "mixers": {
            name: {"about": controls.about(name), "controls": [_spec(each) for each in of.values()]}
            for name, of in scene.mixers.items()
        },
    }


def render(scene, *, title, described, nonce="", encoder=PNG):
    """Returns the page.

    Args:
        scene: A `Scene`.
        title: String, what the batch is.
        described: Dict as `data` returns it.
        nonce: String that marks the page's own scripts and styles.
        encoder: An `images.Encoder`, of the unmixed images.
    """
    # What closes a script is no part of JSON's grammar outside strings.
    as_json = json.dumps(described).replace("<", "\\u003c")
    parts = {
        "nonce": nonce,
        "css": file("cards.css"),
        "title": html.escape(title),
        "originals": cards.originals(scene, PREFIX, encoder),
        "data": as_json,
    }
    # In one pass, since names of folders and classes may look like markers.
    return re.sub(r"\{\{(\w+)\}\}", lambda marker: parts[marker[1]], file("page.html"))


def _spec(control):
    """A control as JSON describes it."""
    shared = control.name in controls.SHARED
    spec = {**dataclasses.asdict(control), "kind": control.kind, "shared": shared}
    if isinstance(control, controls.Choice):
        spec |= {"default": str(control.default), "values": [str(each) for each in control.values]}
    return spec
