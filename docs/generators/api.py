"""Makes the pages of the API reference from what `__all__` exports.

Each public class of layers and models has a page, and each other public module.
"""

from loaded import package, summary
from mkdocs.structure.files import File

# Modules with long class docstrings: each class has its own page.
BY_CLASS = ("layers", "models")
TITLE = "API"


def on_files(files, config):
    """Adds the pages, and their places in the navigation."""
    places, index = [], ["# API reference\n"]
    for name in sorted(package().exports):
        module = package().members[name]
        made = by_class(module) if name in BY_CLASS else {f"api/{name}.md": whole(module)}
        for path, text in made.items():
            files.append(File.generated(config, path, content=text))
        places.append({name: list(made)} if name in BY_CLASS else {name: next(iter(made))})
        index += [f"\n## {module.path}\n", f"{summary(module)}\n", *rows(module)]
    files.append(File.generated(config, "api/index.md", content="\n".join(index)))
    config.nav.append({TITLE: ["api/index.md", *places]})
    return files


def by_class(module):
    """Returns {path: text} of a page about the module and one for each of its names."""
    pages = {f"api/{module.name}/index.md": heading(module) + "\n".join(rows(module))}
    for name in sorted(module.exports):
        front = f"---\ntitle: {name}\n---\n"
        pages[f"api/{module.name}/{name}.md"] = f"{front}::: {module.path}.{name}\n"
    return pages


def whole(module):
    """Returns the text of a page that holds everything a module exports."""
    parts = [f"::: {module.path}.{name}\n" for name in sorted(module.exports)]
    options = "    options:\n      heading_level: 2\n"
    return heading(module) + options.join([*parts, ""]).replace(":::", "\n:::")


def heading(module):
    """Returns a module's name, with the anchor by which others refer to it, and its docstring."""
    return f"# {module.path} {{ #{module.path} }}\n\n{module.docstring.value}\n\n"


def rows(module):
    """Returns the lines of a table of what a module exports."""
    lines = ["| | |", "| --- | --- |"]
    for name in sorted(module.exports):
        path = f"{module.path}.{name}"
        lines.append(f"| [`{name}`][{path}] | {summary(module.members[name])} |")
    return lines
