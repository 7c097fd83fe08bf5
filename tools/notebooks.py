"""Stores the notebooks of tutorials/ with what they print and draw: `make notebooks`.

    python tools/notebooks.py             those whose code has changed since they were run
    python tools/notebooks.py --force     all of them, for instance before a release
    python tools/notebooks.py 03 05       these two, where their code has changed
    python tools/notebooks.py --check     run nothing, name the stale ones
    python tools/notebooks.py --seal      run nothing, vouch for the outputs as they are

A notebook keeps a digest of the code that its outputs are from, and one of the outputs. So a test
sees without running anything that a cell was changed and the notebook not run again, and that an
output is not the one that was stored.
"""

import argparse
import base64
import hashlib
import io
import json
import re
import sys
from concurrent.futures import ThreadPoolExecutor

import nbformat
from executed_notebooks import FOLDER, WORKERS, stored_or_executed
from PIL import Image

COLORS = 128  # in the palette of a picture
# What TensorFlow, XLA and absl write to stderr, whatever the code does.
CHATTER = re.compile(
    r"WARNING: All log messages before absl|[IWE]\d{4} \d\d:|[IWE]0000 |\d{4}-\d\d-\d\d \d\d:"
)


def digest(notebook):
    """The hash of the code of a notebook; prose may change without it."""
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return hashlib.sha256(json.dumps(sources).encode()).hexdigest()


def digest_of_outputs(notebook):
    """The hash of what the cells of a notebook have printed and drawn."""
    outputs = [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]
    return hashlib.sha256(json.dumps(outputs, sort_keys=True).encode()).hexdigest()


def is_stale(notebook):
    """Whether the outputs of a notebook are not from its code."""
    return notebook.metadata.get("keras_mix", {}).get("executed") != digest(notebook)


def is_replaced(notebook):
    """Whether the outputs of a notebook are not those that were stored."""
    return notebook.metadata.get("keras_mix", {}).get("outputs") != digest_of_outputs(notebook)


def seal(notebook):
    """Keeps the digests of a notebook's code and outputs in it."""
    notebook.metadata["keras_mix"] = {
        "executed": digest(notebook),
        "outputs": digest_of_outputs(notebook),
    }


def store(executed, path):
    """Puts clean outputs into the file, whose prose may have been edited while the code ran.

    Raises:
        ValueError: If the code was edited, too, or if a cell's output is not to be stored.
    """
    notebook = nbformat.read(path, as_version=4)
    if digest(notebook) != digest(executed):
        raise ValueError("its code was changed while it ran; run it again")
    ran = [cell for cell in executed.cells if cell.cell_type == "code"]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            done = ran.pop(0)
            cell.outputs, cell.execution_count = clean(done.outputs), done.execution_count
    # The kernel reports the version of Python, which differs from machine to machine.
    notebook.metadata["language_info"] = {"name": "python"}
    seal(notebook)
    nbformat.write(notebook, path)


def clean(outputs):
    """Outputs that are worth storing: text in one piece and small pictures.

    Raises:
        ValueError: If a cell warns, or prints an address in memory.
    """
    cleaned = []
    for output in outputs:
        if output.output_type == "stream":
            if output.name == "stderr":
                lines = [line for line in output.text.splitlines() if line.strip()]
                said = [line for line in lines if not CHATTER.match(line)]
                if said:
                    raise ValueError(f"a cell writes to stderr: {' '.join(said)[:300]}")
                continue
            if "WARNING:" in output.text:  # TensorFlow's logger takes stdout in a notebook
                raise ValueError(f"a cell warns: {output.text[:300]}")
            if cleaned and cleaned[-1].output_type == "stream":
                cleaned[-1].text += output.text
                continue
        elif "image/png" in output.get("data", {}):
            output.data["image/png"] = small(output.data["image/png"])
        elif " at 0x" in output.get("data", {}).get("text/plain", ""):
            raise ValueError("a result prints an address in memory; end its cell with a semicolon")
        cleaned.append(output)
    return cleaned


def small(png):
    """A PNG in base64, with a palette where that makes it smaller."""
    original = base64.b64decode(png)
    picture = Image.open(io.BytesIO(original)).convert("RGB")
    stream = io.BytesIO()
    picture.quantize(COLORS, dither=Image.Dither.NONE).save(stream, "PNG", optimize=True)
    return base64.b64encode(min(original, stream.getvalue(), key=len)).decode()


def run_and_store(path):
    """Runs one notebook and says what became of it; returns whether it is stored."""
    try:
        store(stored_or_executed(path), path)
    except Exception as error:  # one that fails does not stop the others
        print(f"{path.name} failed: {error}", file=sys.stderr, flush=True)
        return False
    print(f"stored {path.name}, {path.stat().st_size / 1000:,.0f} kB", flush=True)
    return True


def seal_file(path):
    """Keeps the digest of one notebook's outputs; returns False for one that is stale."""
    notebook = nbformat.read(path, as_version=4)
    if is_stale(notebook):
        print(f"{path.name} is stale: run `make notebooks`", file=sys.stderr)
        return False
    if is_replaced(notebook):
        seal(notebook)
        nbformat.write(notebook, path)
        print(f"sealed {path.name}")
    return True


def main():
    """Parses the command line, runs what is stale and exits with 1 if anything failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="beginnings of file names; all by default")
    parser.add_argument("--force", action="store_true", help="also run what is not stale")
    parser.add_argument("--check", action="store_true", help="only name what is stale")
    parser.add_argument(
        "--seal", action="store_true", help="only keep the digest of outputs that are not stale"
    )
    given = parser.parse_args()
    paths = sorted(FOLDER.glob("*.ipynb"))
    for name in given.names:
        if not any(path.name.startswith(name) for path in paths):
            parser.error(f"no notebook begins with {name!r}")
    if given.names:
        paths = [path for path in paths if path.name.startswith(tuple(given.names))]
    if given.seal:
        sys.exit(not all([seal_file(path) for path in paths]))
    if not given.force:
        paths = [path for path in paths if is_stale(nbformat.read(path, as_version=4))]
    if given.check:
        print("\n".join(f"{path.name} is stale: run `make notebooks`" for path in paths))
        sys.exit(bool(paths))
    with ThreadPoolExecutor(WORKERS) as workers:
        sys.exit(not all(list(workers.map(run_and_store, paths))))


if __name__ == "__main__":
    main()
