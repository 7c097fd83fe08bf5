"""The notebooks of tutorials/ and their cells, for the tests of them."""

import re
from pathlib import Path

import nbformat

FOLDER = Path(__file__).parents[1] / "tutorials"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def cells(path, kind):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == kind]


def without_magics(source):
    return re.sub(r"^(\s*)%.*", r"\1pass", source, flags=re.M)
