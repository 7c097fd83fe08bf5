"""Makes a page of each notebook in tutorials/, executed, with what its cells print and draw."""

import re
import sys
from pathlib import Path

from mkdocs.structure.files import File
from nbconvert import MarkdownExporter

# MkDocs takes this back once the file is loaded.
sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from executed_notebooks import FOLDER, executed
from notebooks import clean

SECTION = "Course"
BADGE = re.compile(r"\[!\[(Open in \w+)\]\(\S+\)\]\((\S+)\)")
LINK = re.compile(r"\]\((?:\.\./docs/pages/(\S+)|(\w+)\.ipynb)\)")
# What Python-Markdown takes for more of the paragraph before it.
LIST_AFTER_TEXT = re.compile(r"^((?![-*+|>#]|\d+\.|\s).+)\n(?=(?:[-*+]|\d+\.) )", re.M)


def on_files(files, config):
    """Adds the pages, their pictures and their places in the navigation."""
    pages = []
    for path, notebook in executed(sorted(FOLDER.glob("*.ipynb"))).items():
        text, pictures = page(notebook, path.stem)
        pages.append(f"tutorials/{path.stem}.md")
        files.append(File.generated(config, pages[-1], content=text))
        for name, content in pictures.items():
            files.append(File.generated(config, f"tutorials/{name}", content=content))
    section = next(entry for entry in config.nav if SECTION in entry)
    section[SECTION] += pages
    return files


def page(notebook, stem):
    """Returns the Markdown of an executed notebook, and {name: bytes} of its pictures."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = clean(cell.outputs)
        else:
            cell.source = for_the_site(cell.source)
    text, resources = MarkdownExporter().from_notebook_node(
        notebook, {"unique_key": stem, "output_files_dir": "pictures"}
    )
    text = re.sub(r"!\[png\]\(", f"![What the cell above draws, in {stem}](", text)
    return text, resources["outputs"]


def for_the_site(source):
    """Returns the text of a cell with badges as buttons, and links to pages of the site."""
    source = BADGE.sub(r"[\1](\2){ .md-button }", source)
    source = LINK.sub(page_link, source)
    return LIST_AFTER_TEXT.sub(r"\1\n\n", source)


def page_link(found):
    """Returns a link to a page or to another notebook as one between pages."""
    return f"](../{found[1]})" if found[1] else f"]({found[2]}.md)"
