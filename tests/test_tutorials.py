"""What every notebook of tutorials/ keeps; that they run is `make tutorials`'s to show."""

import ast
import re
from pathlib import Path

import nbformat
import pytest

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parents[1] / "tutorials"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
COLAB = "https://colab.research.google.com"


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request):
    return request.param


def cells(path, kind):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == kind]


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
    ]


def test_is_a_valid_notebook(path):
    nbformat.validate(nbformat.read(path, as_version=4))


def test_is_stored_without_outputs(path):
    for cell in cells(path, "code"):
        assert not cell.outputs
        assert cell.execution_count is None


def test_begins_with_its_question_and_a_badge_to_open_it(path):
    first = nbformat.read(path, as_version=4).cells[0]
    badge, target = re.search(r"\[!\[.+?\]\((\S+)\)\]\((\S+)\)", first.source).groups()
    assert re.match(r"# .+\?\n", first.source)
    assert badge == f"{COLAB}/assets/colab-badge.svg"
    assert target == f"{COLAB}/github/keras-mix/keras_mix/blob/main/tutorials/{path.name}"


def test_first_code_cell_installs_the_package_and_holds_the_switch(path):
    first, *others = (cell.source for cell in cells(path, "code"))
    assert re.search(r"^REAL_DATA = False\b", first, re.M)
    assert 'find_spec("keras_mix") is None:\n    %pip install' in first
    assert '"keras-mix[evaluate]"' in first
    assert not re.search(r"^\s*REAL_DATA =|[%!] ?pip", "\n".join(others), re.M)


def test_code_parses(path):
    for cell in cells(path, "code"):
        ast.parse(re.sub(r"^(\s*)%.*", r"\1pass", cell.source, flags=re.M))


def test_links_between_notebooks_lead_somewhere(path):
    text = "\n".join(cell.source for cell in cells(path, "markdown"))
    for target in re.findall(r"\]\(([^:)]+)\)", text):
        assert (FOLDER / target).exists()


def test_is_named_in_the_list_of_tutorials(path):
    assert f"({path.name})" in (FOLDER / "README.md").read_text("utf-8")
