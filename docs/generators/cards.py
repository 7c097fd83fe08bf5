"""Inserts badges and the picture into each card, before its first section."""

import posixpath
from html import escape

import pictures
from mkdocs.structure.files import File
from pictures import PICTURES


def on_files(files, config):
    """Adds the pictures to the site."""
    for path in sorted(pictures.folder().glob("*.webp")):
        files.append(File.generated(config, f"{PICTURES}/{path.name}", abs_src_path=str(path)))
    return files


def on_page_markdown(markdown, page, config, files):
    """Inserts what a card does not write itself."""
    if not {"layer", "model"} & page.meta.keys():
        return markdown
    name = page.meta.get("layer") or page.meta["model"]
    head, mark, rest = markdown.partition("\n## ")
    inserted = f"{badges(page.meta['targets'])}\n\n{picture(name, page.url)}\n"
    return f"{head}\n\n{inserted}{mark}{rest}"


def badges(targets):
    """Returns the targets that a mixer takes as badges."""
    inner = " ".join(f'<span class="badge">{escape(target)}</span>' for target in targets)
    return f'<p class="badges" data-search-exclude>{inner}</p>' if targets else ""


def picture(name, url):
    """Returns a mixer's panels side by side, or its table, or nothing."""
    drawn = pictures.panels().get(name, {})
    if "table" in drawn:
        return drawn["table"]
    figures = [figure(panel, url) for panel in drawn.get("panels", ())]
    return f'<div class="panels" data-search-exclude>{"".join(figures)}</div>' if figures else ""


def figure(panel, url):
    """Returns one panel with the text above and below it."""
    source = posixpath.relpath(f"{PICTURES}/{panel['file']}", url)
    title, caption = escape(panel["title"]), escape(panel["caption"])
    return (
        f"<figure><b>{title or '&nbsp;'}</b>"
        f'<img src="{source}" alt="{title}: {caption}" width="256" height="256" loading="lazy">'
        f"<figcaption>{caption}</figcaption></figure>"
    )
