"""Adds the explorer with stored pictures to the site, which the page explorer.md shows."""

import kept
from mkdocs.structure.files import File

FOLDER = "assets/explorer"
SOURCES = ("docs/generators/stored_explorer.py", "tools/draw_gallery.py")


def on_files(files, config):
    """Adds its page and the scripts of its pictures."""
    for path in sorted(kept.folder("stored_explorer", SOURCES).iterdir()):
        files.append(File.generated(config, f"{FOLDER}/{path.name}", abs_src_path=str(path)))
    return files
