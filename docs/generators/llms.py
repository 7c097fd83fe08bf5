"""Writes llms.txt, one line for each page, and llms-full.txt, the Markdown of all pages."""

import re
from pathlib import Path

from loaded import package
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File

NO_SENTENCE = re.compile(
    r"<!--.*?-->|^```.*?^```|^(?:Takes:|#|<|!?\[[^\n]*\{ *\.)[^\n]*", re.M | re.S
)
LINK = re.compile(r"!?\[([^]]*)\]\([^)]*\)")
INCLUDE = re.compile(r'^--8<-- "(.+)"$', re.M)
ROOT = Path(__file__).parents[2]
HEAD = "# keras_mix\n\n> {}\n"
pages = []  # in the order of the navigation
texts = {}  # of each page, by its path


def on_files(files, config):
    """Adds both files, so that pages may link to them; they are written last."""
    for name in ("llms.txt", "llms-full.txt"):
        files.append(File.generated(config, name, content=""))
    return files


def on_nav(nav, config, files):
    """Keeps the pages in their order."""
    pages[:] = nav.pages


# Before the hooks that insert pictures.
@event_priority(50)
def on_page_markdown(markdown, page, config, files):
    """Keeps the Markdown of a page, and of what it shows of the API."""
    markdown = INCLUDE.sub(lambda found: (ROOT / found[1]).read_text("utf-8"), markdown)
    takes = ", ".join(page.meta.get("targets", ()))
    text = f"Takes: {takes}.\n\n{markdown}" if takes else markdown
    texts[page.file.src_uri] = re.sub(r"^::: (\S+)(\n +.*)*", documented, text, flags=re.M)


def on_post_build(config):
    """Writes both files, page by page in the order of the navigation."""
    index = [HEAD.format(config.site_description)]
    whole = [index[0]]
    for page in pages:
        if text := texts[page.file.src_uri].strip():
            said = description(page, text)
            index.append(f"- [{page.title}]({page.url or './'})" + (f": {said}" if said else ""))
            whole.append(f"<!-- {page.file.src_uri} -->\n\n{text}\n")
    (Path(config.site_dir) / "llms.txt").write_text("\n".join(index) + "\n", "utf-8")
    (Path(config.site_dir) / "llms-full.txt").write_text("\n".join(whole), "utf-8")


def documented(found):
    """Returns the signature and the docstring of an object of the API."""
    shown = package()[found[1].removeprefix("keras_mix.")]
    parameters = ", ".join(map(str, getattr(shown, "parameters", ())))
    call = f"({parameters})" if shown.is_function or shown.is_class else ""
    docstring = shown.docstring.value if shown.docstring else ""
    return f"## {found[1]}\n\n```python\n{shown.name}{call}\n```\n\n{docstring}\n"


def description(page, text):
    """Returns the questions of a page of the FAQ, and of any other page its first sentence."""
    if page.file.src_uri.startswith("faq/"):
        return "; ".join(re.findall(r"^## (.+?)(?: \{.*)?$", text, re.M))
    for paragraph in NO_SENTENCE.sub("", text).split("\n\n"):
        plain = LINK.sub(r"\1", paragraph.strip().replace("\n", " "))
        if re.match(r"[\w`“]|\*\*", plain):
            return re.split(r"(?<=[.?])\s", plain)[0]
    return ""
