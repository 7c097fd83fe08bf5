"""A griffe extension that turns the house's docstrings into Markdown.

Classes that inherit arguments show all of them. Examples in doctest form become blocks of code,
`Reference:` becomes a paragraph with links to arXiv, and public names in backticks become links.
"""

import json
import re
import sys
import textwrap
from pathlib import Path

import griffe

sys.path.append(str(Path(__file__).parent))

import kept

EXAMPLE = re.compile(r"^>>> .*(?:\n(?!\n).+)*", re.M)
SECTION = re.compile(r"^(Example|Reference):\n((?:\n|    .*(?:\n|$))*)", re.M)
NAME = re.compile(r"(?<!\[)`(keras_mix(?:\.\w+)+)`")
ARXIV = re.compile(r"arXiv:(\d{4}\.\d{4,5})")


class HouseDocstrings(griffe.Extension):
    """Rewrites every docstring of the package once it is loaded."""

    def on_package(self, *, pkg, **kwargs):
        """Rewrites the docstrings of a package's modules, classes and functions."""
        self.public = set(public_names(pkg))
        full = (
            kept.folder("full_docstrings", ("docs/generators/full_docstrings.py",))
            / "docstrings.json"
        )
        for path, text in json.loads(full.read_text("utf-8")).items():
            pkg[path.removeprefix(f"{pkg.path}.")].docstring.value = text
        self.rewrite(pkg)

    def rewrite(self, found):
        """Rewrites the docstring of an object and of what it holds."""
        if found.docstring:
            found.docstring.value = self.markdown(found.docstring.value)
        for member in found.members.values():
            if not member.is_alias:
                self.rewrite(member)

    def markdown(self, text):
        """Returns a docstring as Markdown."""
        text = SECTION.sub(paragraph, text)
        text = EXAMPLE.sub(lambda found: f"```pycon\n{found[0]}\n```", text)
        text = ARXIV.sub(r"[arXiv:\1](https://arxiv.org/abs/\1)", text)
        return NAME.sub(self.link, text)

    def link(self, found):
        """Returns a name as a cross reference where it has a page."""
        return f"[{found[0]}][{found[1]}]" if found[1] in self.public else found[0]


def paragraph(found):
    """Returns a section that griffe does not know as a paragraph under its name."""
    return f"**{found[1]}**\n\n{textwrap.dedent(found[2])}"


def public_names(package):
    """Yields the dotted names of what the package's public modules export."""
    for module in package.exports or ():
        yield f"{package.path}.{module}"
        for name in package.members[module].exports or ():
            yield f"{package.path}.{module}.{name}"
