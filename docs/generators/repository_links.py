"""Turns links to files of the repository into links to what the site has of them.

Pages are read on GitHub, too, where notebooks and the report of the study lie outside docs/pages.
"""

import re

LINK = re.compile(r"\]\(((?:\.\./)*)\.\./\.\./(tutorials|results)/([^)]+)\)")


def on_page_markdown(markdown, **kwargs):
    """Returns the text of a page with its links turned."""
    return LINK.sub(in_the_site, markdown)


def in_the_site(found):
    """Returns a link to a page of the site, or to a file in it."""
    return f"]({found[1]}{found[2]}/{found[3].replace('.ipynb', '.md')})"
