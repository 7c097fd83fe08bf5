"""What every notebook of tutorials/ keeps; that they run is `make tutorials`'s to show."""

import ast
import base64
import importlib.util
import io
import re
import socket

import nbformat
import notebooks
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_magic, magics_class
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from notebook_cells import FOLDER, NOTEBOOKS, cells, without_magics
from PIL import Image

pytestmark = pytest.mark.slow

COLAB = "https://colab.research.google.com"
GITHUB = "github.com/keras-mix/keras_mix/blob/main/tutorials"
KAGGLE = "https://kaggle.com"
# Until the package is on an index.
SOURCE = "keras-mix[evaluate] @ git+https://github.com/keras-mix/keras_mix"


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request):
    return request.param


def test_there_are_notebooks():
    assert [path.stem for path in NOTEBOOKS] == [
        "01_two_lines",
        "02_which_mixer",
        "03_manifold_mixup",
        "04_text",
        "05_segmentation_and_detection",
        "06_your_own_mixer",
        "07_audio",
        "08_tables_and_regression",
        "09_cross_modal",
        "10_copy_paste",
        "11_jax_pytorch_grain",
    ]


def test_is_a_valid_notebook(path):
    nbformat.validate(nbformat.read(path, as_version=4))


# ---- What is stored: `make notebooks`


def test_every_code_cell_ran_in_order_and_without_error(path):
    code = cells(path, "code")
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    for cell in code:
        assert {output.output_type for output in cell.outputs} <= {
            "stream",
            "display_data",
            "execute_result",
        }


def test_outputs_are_from_the_code_as_it_is(path):
    assert not notebooks.is_stale(nbformat.read(path, as_version=4)), "run `make notebooks`"


def test_outputs_are_those_that_were_stored(path):
    assert not notebooks.is_replaced(nbformat.read(path, as_version=4)), "run `make notebooks`"


def test_shows_pictures(path):
    assert any("image/png" in o.get("data", {}) for c in cells(path, "code") for o in c.outputs)


def test_is_small():
    sizes = [path.stat().st_size for path in NOTEBOOKS]
    assert max(sizes) < 1e6
    assert sum(sizes) < 5e6


def test_outputs_say_nothing_of_the_machine(path):
    for cell in cells(path, "code"):
        for output in cell.outputs:
            assert output.get("name") != "stderr"
            text = output.get("text", "") + output.get("data", {}).get("text/plain", "")
            assert not re.search(r"/(home|root|tmp|usr|Users|work|var)/|site-packages", text)
            assert not re.search(r"\bat 0x[0-9a-f]+|Warning|\r", text)
            assert socket.gethostname() not in text
            assert not re.search(r"\d (s|ms|seconds) a step|\d (s|ms)/step|\bit/s", text)


def test_changed_code_is_stale_and_changed_prose_is_not():
    notebook = new_notebook(cells=[new_markdown_cell("# Why?"), new_code_cell("1 + 1")])
    assert notebooks.is_stale(notebook)
    notebook.metadata["keras_mix"] = {"executed": notebooks.digest(notebook)}
    notebook.cells[0].source = "# How?"
    assert not notebooks.is_stale(notebook)
    notebook.cells[1].source = "1 + 2"
    assert notebooks.is_stale(notebook)


def test_an_output_in_the_place_of_another_is_noticed(tmp_path, capsys):
    path = tmp_path / "some.ipynb"
    notebook = new_notebook(cells=[new_markdown_cell("# Why?"), new_code_cell("1 + 1")])
    notebook.cells[1].outputs = [new_output("stream", name="stdout", text="one\n2\n")]
    nbformat.write(notebook, path)
    notebooks.store(notebook, path)
    stored = nbformat.read(path, as_version=4)
    assert not notebooks.is_replaced(stored)
    stored.cells[0].source = "# How?"
    assert not notebooks.is_replaced(stored)
    stored.cells[1].outputs[0].text = "one\n3\n"
    assert notebooks.is_replaced(stored)
    nbformat.write(stored, path)
    assert notebooks.seal_file(path)
    stored = nbformat.read(path, as_version=4)
    assert not notebooks.is_replaced(stored)
    stored.cells[1].source = "1 + 2"
    nbformat.write(stored, path)
    assert not notebooks.seal_file(path)
    assert "stale" in capsys.readouterr().err


def test_stores_outputs_beside_prose_that_was_edited_meanwhile(tmp_path):
    path = tmp_path / "some.ipynb"
    executed = new_notebook(cells=[new_markdown_cell("# Why?"), new_code_cell("1 + 1")])
    executed.cells[1].outputs = [new_output("stream", name="stdout", text="2")]
    executed.cells[1].execution_count = 1
    edited = new_notebook(cells=[new_markdown_cell("# How?"), new_code_cell("1 + 1")])
    nbformat.write(edited, path)
    notebooks.store(executed, path)
    prose, code = nbformat.read(path, as_version=4).cells
    assert (prose.source, code.outputs[0].text) == ("# How?", "2")
    executed.cells[1].source = "1 + 2"
    with pytest.raises(ValueError, match="changed while it ran"):
        notebooks.store(executed, path)


def test_outputs_are_joined_and_chatter_is_left_out():
    outputs = [
        new_output("stream", name="stdout", text="one\n"),
        new_output("stream", name="stderr", text="I0000 00:00:17 port.cc] oneDNN is on\n"),
        new_output("stream", name="stdout", text="two\n"),
    ]
    assert [output.text for output in notebooks.clean(outputs)] == ["one\ntwo\n"]


@pytest.mark.parametrize(
    "output",
    [
        new_output("stream", name="stderr", text="UserWarning: a label is lost\n"),
        new_output("stream", name="stdout", text="WARNING:tensorflow: 5 calls retraced\n"),
        new_output("execute_result", data={"text/plain": "<Axes at 0x7f3b>"}),
    ],
)
def test_warnings_and_addresses_are_refused(output):
    with pytest.raises(ValueError, match=r"writes to stderr|warns|address in memory"):
        notebooks.clean([output])


def test_pictures_get_a_palette():
    pixels = np.repeat(np.arange(0, 256, 16, dtype="uint8"), 64)[:, None, None]
    stream = io.BytesIO()
    Image.fromarray(np.tile(pixels, (1, 256, 3))).save(stream, "PNG", compress_level=0)
    big = base64.b64encode(stream.getvalue()).decode()
    small = Image.open(io.BytesIO(base64.b64decode(notebooks.small(big))))
    assert small.mode == "P"
    assert np.array_equal(
        np.array(small.convert("RGB"))[..., 0], np.tile(pixels, (1, 256, 1))[..., 0]
    )


# ---- What is written


def test_begins_with_its_question_and_badges_to_open_it(path):
    first = nbformat.read(path, as_version=4).cells[0].source
    assert re.match(r"# .+\?\n", first)
    colab, kaggle = re.findall(r"\[!\[.+?\]\((\S+)\)\]\((\S+)\)", first)
    assert colab == (
        f"{COLAB}/assets/colab-badge.svg",
        f"{COLAB}/{GITHUB.replace('.com', '')}/{path.name}",
    )
    assert kaggle == (
        f"{KAGGLE}/static/images/open-in-kaggle.svg",
        f"{KAGGLE}/kernels/welcome?src=https://{GITHUB}/{path.name}",
    )


def test_first_code_cell_installs_the_package_and_holds_the_switch(path):
    first, *others = (cell.source for cell in cells(path, "code"))
    assert re.search(r"^REAL_DATA = False\b", first, re.M)
    assert re.findall('^KERAS_MIX = "(.+)"$', first, re.M) == [SOURCE]
    assert not re.search(r"^\s*(REAL_DATA|KERAS_MIX) =|[%!] ?pip", "\n".join(others), re.M)


def test_install_cells_are_alike():
    sources = {
        re.sub(r"(REAL_DATA = False).*", r"\1", cells(p, "code")[0].source) for p in NOTEBOOKS
    }
    assert len(sources) == 1


@pytest.mark.parametrize(
    "source",
    [
        SOURCE,
        "keras-mix[evaluate]",
        "./keras_mix-1.2.3-py3-none-any.whl[evaluate]",
    ],
)
def test_install_cell_installs_what_the_variable_says_only_if_missing(source, monkeypatch):
    installed = []

    @magics_class
    class Pip(Magics):
        @line_magic
        def pip(self, line):
            installed.append(line)

    cell = cells(NOTEBOOKS[0], "code")[0].source
    cell = cell.replace(f'KERAS_MIX = "{SOURCE}"', f'KERAS_MIX = "{source}"')
    shell = InteractiveShell()
    shell.register_magics(Pip)
    shell.run_cell(cell).raise_error()
    assert not installed
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    shell.run_cell(cell).raise_error()
    assert installed == [f'-q "{source}"'.replace("-q", "install -q")]


def test_code_parses(path):
    for cell in cells(path, "code"):
        ast.parse(without_magics(cell.source))


def test_links_lead_somewhere(path):
    """To a file, or to a page in the site's navigation: `make docs` sees that those are there."""
    text = "\n".join(cell.source for cell in cells(path, "markdown"))
    pages = (FOLDER.parent / "docs/mkdocs.yml").read_text("utf-8")
    for target in re.findall(r"\]\((?!https:)([^#)]+)", text):
        named = target.removeprefix("../docs/pages/")
        assert re.search(rf"\b{named}$", pages, re.M) or (FOLDER / target).exists(), target


def test_ends_with_links_to_the_site_and_to_the_next(path):
    last = (
        nbformat.read(path, as_version=4).cells[-1].source.partition("## Where to go from here")[2]
    )
    assert "](../docs/pages/" in last
    following = NOTEBOOKS[NOTEBOOKS.index(path) + 1 :]
    if following:
        question = nbformat.read(following[0], as_version=4).cells[0].source.splitlines()[0][2:]
        assert f"Next: [{question}]({following[0].name})" in last
    else:
        assert "](../docs/pages/course.md)" in last


def test_lists_name_it_with_its_question(path):
    question = cells(path, "markdown")[0].source.splitlines()[0][2:]
    readme = (FOLDER / "README.md").read_text("utf-8")
    course = (FOLDER.parent / "docs/pages/course.md").read_text("utf-8")
    assert f"[{question}]({path.name})" in readme
    assert f"[{question}](../../tutorials/{path.name})" in course
