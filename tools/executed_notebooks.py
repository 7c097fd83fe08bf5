"""Executes notebooks, each once for a state of its code and of the package.

`executed` is what the site renders (docs/generators/tutorials.py) and what stores outputs in
tutorials/*.ipynb. What was executed is kept in build/notebooks under its fingerprint, so that only
what has changed runs again.
"""

import hashlib
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "tutorials"
CACHE = ROOT / "build/notebooks"
SECONDS = 600
# A notebook keeps little more than one core busy; more at a time would only share these.
WORKERS = 2


def executed(paths):
    """Returns {path: notebook with outputs}, executing two at a time those that are not stored."""
    with ThreadPoolExecutor(WORKERS) as workers:
        return dict(zip(paths, workers.map(stored_or_executed, paths), strict=True))


def stored_or_executed(path):
    """Returns one notebook with its outputs."""
    notebook = nbformat.read(path, as_version=4)
    stored = CACHE / f"{path.stem}-{fingerprint(notebook)}.ipynb"
    if not stored.exists():
        execute(notebook, path.name)
        CACHE.mkdir(parents=True, exist_ok=True)
        for old in CACHE.glob(f"{path.stem}-*.ipynb"):
            old.unlink()
        part = stored.with_suffix(".part")
        nbformat.write(notebook, part)
        part.replace(stored)  # what is stored is whole, also after an interruption
    ran = code_cells(nbformat.read(stored, as_version=4))
    for cell, done in zip(code_cells(notebook), ran, strict=True):
        cell.outputs, cell.execution_count = done.outputs, done.execution_count
    return notebook


def code_cells(notebook):
    """Returns the cells that run."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def execute(notebook, name):
    """Runs a notebook's cells in place, in an empty folder, on a kernel of its own."""
    print(f"executing {name}", flush=True)
    kernel = notebook.metadata.get("kernelspec", {}).get("name", "python3")
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(
            notebook,
            timeout=SECONDS,
            kernel_name=kernel,
            resources={"metadata": {"path": folder}},
            record_timing=False,
        ).execute()


def fingerprint(notebook):
    """Returns 16 hexadecimal digits of what outputs depend on: the code and the package."""
    found = hashlib.sha256()
    for cell in code_cells(notebook):
        found.update(f"{cell.source}\n".encode())
    for path in sorted((ROOT / "keras_mix").rglob("*.py")):
        found.update(path.relative_to(ROOT).as_posix().encode())
        found.update(path.read_bytes())
    return found.hexdigest()[:16]
