"""The page with precomputed pictures, which needs no server: a demonstration for a site."""

import itertools
import json
from pathlib import Path

from keras_mix._core import atomic_file
from keras_mix.plot._explorer import page

FILE = "index.html"


def write(scene, folder, *, title, stops, fixed, seeds, encoder):
    """Writes the page, and a script of pictures for each mixer.

    The pictures are scripts, not JSON, so that the page also works as a file that is opened.

    Args:
        scene: A `Scene`.
        folder: String or path.
        title: String, what the batch is.
        stops: Dict from the names of mixers to pairs of an option and a list of its values.
        fixed: Dict of options that are the same in all pictures of mixers that have them.
        seeds: List of integers.
        encoder: An `images.Encoder`.

    Returns:
        The path of the page.
    """
    folder = Path(folder)
    described = page.data(scene)
    mixers = {}
    for name, (option, values) in stops.items():
        control = scene.mixers[name][option]
        same = {key: value for key, value in fixed.items() if key in scene.mixers[name]}
        texts = [_text(value) for value in values]
        default = texts.index(_text(control.default)) if control.default in values else 0
        mixers[name] = {
            "about": described["mixers"][name]["about"],
            "controls": [
                {
                    "kind": "stops",
                    "name": option,
                    "about": control.about,
                    "values": texts,
                    "default": default,
                }
            ],
        }
        pictures = {
            # As the page joins the values of a state.
            f"{seed} {text}": page.answer(scene, name, {option: value, **same}, seed, encoder)
            for seed, (text, value) in itertools.product(seeds, zip(texts, values, strict=True))
        }
        script = (
            f"(window.kerasMixPictures ??= {{}})[{json.dumps(name)}] = {json.dumps(pictures)};\n"
        )
        atomic_file.write(folder / f"{name}.js", script.encode())
    described |= {"mixers": mixers, "seeds": list(seeds), "stored": True}
    text = page.render(scene, title=title, described=described, encoder=encoder)
    atomic_file.write(folder / FILE, text.encode())
    return folder / FILE


def _text(value):
    """An option's value as the page shows it."""
    return " – ".join(map(str, value)) if isinstance(value, tuple) else str(value)
