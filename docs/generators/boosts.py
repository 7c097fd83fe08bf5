"""Weighs pages in the search by their folder, so that answers come before long texts."""

BOOSTS = {"faq/": 2.0, "tutorials/": 0.6, "api/": 0.5, "about/changelog": 0.5}


def on_page_markdown(markdown, page, config, files):
    """Sets the weight that the search reads from the head of a page."""
    for folder, boost in BOOSTS.items():
        if page.file.src_uri.startswith(folder):
            page.meta.setdefault("search", {"boost": boost})
