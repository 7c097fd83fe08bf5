"""Writes the docstrings of classes with the arguments that they have from their bases.

`help` shows them so, since the package completes them when it is imported. Other mixers refer to
`Mixer` for the options that all share.
"""

import inspect
import json
import sys
from pathlib import Path

from keras_mix import layers, models

NAME = "docstrings.json"


def main(folder):
    """Writes {path of the class in the sources: its docstring} into a folder."""
    classes = [layers.Mixer, *(getattr(models, name) for name in models.__all__)]
    found = {f"{each.__module__}.{each.__qualname__}": inspect.getdoc(each) for each in classes}
    Path(folder, NAME).write_text(json.dumps(found), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
