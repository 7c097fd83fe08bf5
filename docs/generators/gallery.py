"""Replaces the marks of a page by pictures of mixers, and by the table of what each takes.

`<!-- gallery: MixUp CutMix -->` becomes a picture, a name and a sentence for each, which lead to
its card; `<!-- targets -->` becomes the table.
"""

import posixpath
import re
from html import escape
from pathlib import Path

import pictures
import yaml
from loaded import package, summary
from pictures import PICTURES

PAGES = Path(__file__).parents[1] / "pages"
TARGETS = ["image", "mask", "boxes", "keypoints", "instance masks", "sequences", "tables"]


def on_page_markdown(markdown, page, config, files):
    """Replaces both marks."""
    markdown = re.sub(
        r"<!-- gallery: ([\w ]+) -->", lambda found: gallery(found[1].split(), page), markdown
    )
    return re.sub(r"<!-- targets -->", lambda found: table(page), markdown)


def gallery(names, page):
    """Returns the mixers that are named, side by side."""
    found = cards()
    parts = [tile(name, found[name], page) for name in names]
    return f'<div class="gallery" markdown="1">\n{"".join(parts)}</div>\n'


def tile(name, card, page):
    """Returns one mixer: its picture, its name and what it does."""
    image = thumbnail(name, page.url)
    link = posixpath.relpath(f"mixers/{card['file']}", posixpath.dirname(page.file.src_uri) or ".")
    return f"[{image} **{name}**  {escape(summary(class_named(name)), quote=False)}]({link})\n\n"


def thumbnail(name, url):
    """Returns the picture of what a mixer makes, if it has one."""
    panels = pictures.panels().get(name, {}).get("panels", [])
    if not panels:
        return ""
    shown = next((panel for panel in panels if panel["title"] == name), panels[-1])
    source = posixpath.relpath(f"{PICTURES}/{shown['file']}", url or ".")
    return f'<img src="{source}" alt="" width="256" height="256" loading="lazy">'


def table(page):
    """Returns a row for each mixer, with what it takes."""
    lines = [f"| | {' | '.join(TARGETS)} |", "| --- " + "| :-: " * len(TARGETS) + "|"]
    for name, card in sorted(cards().items(), key=lambda item: item[0].lower()):
        cells = " | ".join("●" if target in card["targets"] else "" for target in TARGETS)
        lines.append(f"| [{name}]({card['file']}) | {cells} |")
    return '<div class="targets" markdown="1">\n\n' + "\n".join(lines) + "\n\n</div>"


def cards():
    """Returns {class: its card's file and targets}."""
    found = {}
    for path in {*(PAGES / "mixers").glob("*.md")} - {PAGES / "mixers/index.md"}:
        fields = yaml.safe_load(path.read_text("utf-8").split("---\n")[1])
        name = fields.get("layer") or fields["model"]
        found[name] = {"file": path.name, "targets": fields["targets"]}
    return found


def class_named(name):
    """Returns a class of layers or models."""
    for module in ("layers", "models"):
        if name in package().members[module].exports:
            return package().members[module].members[name]
    raise KeyError(name)
