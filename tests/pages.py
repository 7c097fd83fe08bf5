"""The pages of the documentation, as tests read them."""

import re
from pathlib import Path

import yaml

import keras_mix

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs/pages"
PAGES = sorted(FOLDER.rglob("*.md"))
CARDS = sorted(set((FOLDER / "mixers").glob("*.md")) - {FOLDER / "mixers/index.md"})
# Public classes of layers and models that are no mixers by themselves.
WITHOUT_CARD = {"BoundingBoxOptions", "FeatureWeights", "Mixer", "SequenceOptions"}


def name_of(page):
    """The path of a page below docs/pages."""
    return page.relative_to(FOLDER).as_posix()


def code(text, language):
    """The blocks of code in a Markdown text, those in lists and tabs too."""
    blocks = re.findall(rf"^( *)```{language}\b[^\n]*\n(.*?)^\1```", text, re.M | re.S)
    return [re.sub(rf"^{indent}", "", block, flags=re.M) for indent, block in blocks]


def front_matter(page):
    """The fields at the head of a page."""
    head = re.match(r"---\n(.*?)\n---\n", page.read_text("utf-8"), re.S)
    return yaml.safe_load(head[1]) if head else {}


def class_of(card):
    """The class that a card is about."""
    fields = front_matter(card)
    if "layer" in fields:
        return getattr(keras_mix.layers, fields["layer"])
    return getattr(keras_mix.models, fields["model"])
