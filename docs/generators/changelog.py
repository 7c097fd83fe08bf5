"""Makes CHANGELOG.md a page of the site."""

from pathlib import Path

from mkdocs.structure.files import File

CHANGELOG = Path(__file__).parents[2] / "CHANGELOG.md"


def on_files(files, config):
    """Adds about/changelog.md with the text of CHANGELOG.md."""
    files.append(File.generated(config, "about/changelog.md", abs_src_path=str(CHANGELOG)))
    return files
