"""Copies the report of the study, with its figures and data, into the site."""

from pathlib import Path

from mkdocs.structure.files import File

RESULTS = Path(__file__).parents[2] / "results"


def on_files(files, config):
    """Adds the files of results/ to the site."""
    for path in sorted(RESULTS.rglob("*.*")):
        name = f"results/{path.relative_to(RESULTS).as_posix()}"
        if path.suffix != ".md":  # its table is in the guide
            files.append(File.generated(config, name, abs_src_path=str(path)))
    return files
