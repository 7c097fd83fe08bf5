"""What every notebook of tutorials/ keeps; that they run is `make tutorials`'s to show."""

import ast
import base64
import importlib.util
import io
import json
import re
import socket
import tarfile
import wave
import zipfile
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import nbformat
import notebooks
import numpy as np
import pytest
import sklearn.datasets
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_magic, magics_class
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parents[1] / "tutorials"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
GUIDE = FOLDER / "keras_io/mixing_in_keras_3.py"
COLAB = "https://colab.research.google.com"
GITHUB = "github.com/keras-mix/keras_mix/blob/main/tutorials"
KAGGLE = "https://kaggle.com"
# Until the package is on an index.
SOURCE = "keras-mix[evaluate] @ git+https://github.com/keras-mix/keras_mix"


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


# ---- REAL_DATA, on small stand-ins with the shapes, dtypes and file layout of the real sets


def without_magics(source):
    return re.sub(r"^(\s*)%.*", r"\1pass", source, flags=re.M)


def run(number, *ids, **changes):
    """The names that these cells of a notebook define, with REAL_DATA on and some text changed."""
    (path,) = FOLDER.glob(f"{number}_*.ipynb")
    code = {cell.id: cell.source for cell in cells(path, "code")}
    names = {"__name__": "notebook", "REAL_DATA": True}
    for name in ("cell-03", *ids):
        # Looking for a TPU takes a second and leaves its mark on TensorFlow.
        source = without_magics(code[name]).replace(
            "if REAL_DATA:\n    try:\n        tpu", "if False:\n    try:\n        tpu"
        )
        for old, new in changes.items():
            source = re.sub(rf"\b{old}\b", new, source)
        exec(compile(source, f"{path.name}, {name}", "exec"), names)
    plt.close("all")
    return names


def stand_in(monkeypatch, **files):
    """`keras.utils.get_file` gives these files, and knows no others."""

    def get_file(fname, origin):
        assert origin.startswith("https://")
        return str(files[fname.split(".")[0]])

    monkeypatch.setattr(keras.utils, "get_file", get_file)


@pytest.fixture
def clinc(tmp_path):
    """As data_full.json: pairs of a sentence and its intent, in six parts."""
    intents = ["translate", "transfer", "timer"]
    pairs = [[f"number {n} of {intent} please", intent] for n in range(30) for intent in intents]
    parts = {"train": pairs, "val": pairs[:9], "test": pairs[9:45]}
    parts |= {f"oos_{name}": [["what is love", "oos"]] for name in ("train", "val", "test")}
    path = tmp_path / "clinc.json"
    path.write_text(json.dumps(parts), "utf-8")
    return path


@pytest.fixture
def spoken(tmp_path):
    """As the release of the Free Spoken Digit Dataset: 8 kHz, 16 bits, one channel."""
    rng, path = np.random.default_rng(0), tmp_path / "spoken.zip"
    root = "free-spoken-digit-dataset-1.0.10"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{root}/README.md", "# Free Spoken Digit Dataset")
        archive.writestr(f"{root}/recordings/", "")
        for digit in range(10):
            for number in (0, 1, 5, 6, 12):
                stream = io.BytesIO()
                with wave.open(stream, "wb") as clip:
                    clip.setparams((1, 2, 8_000, 0, "NONE", "not compressed"))
                    clip.writeframes(
                        rng.integers(-9_000, 9_000, rng.integers(2_000, 9_000))
                        .astype("<i2")
                        .tobytes()
                    )
                archive.writestr(
                    f"{root}/recordings/{digit}_george_{number}.wav", stream.getvalue()
                )
    return path


@pytest.fixture
def pets(tmp_path):
    """As the two archives of Oxford-IIIT Pet: JPEGs, one of them a GIF, beside MATLAB's files."""
    rng, names = np.random.default_rng(0), ["Abyssinian_1", "Abyssinian_100", "beagle_7", "pug_12"]

    def picture(shape, kind):
        stream = io.BytesIO()
        Image.fromarray(rng.integers(1, 4, shape, dtype="uint8")).save(stream, kind)
        return stream.getvalue()

    images = {f"images/{name}.jpg": picture((50, 70, 3), "JPEG") for name in names}
    images["images/beagle_7.jpg"] = picture((40, 40), "GIF")
    images["images/Abyssinian_100.mat"] = b"MATLAB 5.0 MAT-file"
    trimaps = {f"annotations/trimaps/{name}.png": picture((50, 70), "PNG") for name in names}
    trimaps |= {f"annotations/trimaps/._{name}.png": b"Mac OS X" for name in names}
    trimaps |= {"annotations/list.txt": b"#Image", "annotations/xmls/pug_12.xml": b"<annotation/>"}
    for archive, files in (("images", images), ("annotations", trimaps)):
        with tarfile.open(tmp_path / f"{archive}.tar.gz", "w:gz") as opened:
            for name, content in files.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                opened.addfile(entry, io.BytesIO(content))
    return tmp_path / "images.tar.gz", tmp_path / "annotations.tar.gz"


@pytest.fixture
def images_of_keras(monkeypatch):
    """What `load_data` gives, with fewer images: bytes, and ids of a column or of a vector."""

    def loader(shape, ids_shape):
        def part(count, seed):
            x = np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype="uint8")
            return x, (np.arange(count) % 10).astype("uint8").reshape(count, *ids_shape)

        return lambda: (part(700, 0), part(620, 1))

    monkeypatch.setattr(keras.datasets.cifar10, "load_data", loader((32, 32, 3), (1,)))
    monkeypatch.setattr(keras.datasets.mnist, "load_data", loader((28, 28), ()))


@pytest.mark.usefixtures("images_of_keras")
def test_cifar10_is_loaded():
    found = run("01", "cell-04")
    x, ids = found["data"].train
    assert (x.dtype, x.shape, ids.dtype, ids.shape) == (
        "float32",
        (700, 32, 32, 3),
        "int64",
        (700,),
    )
    assert 0.9 < x.max() <= 1
    assert (found["CLASSES"], len(found["validation_ids"])) == (10, 620)
    found = run("02", "cell-05", **{"5_000": "50", "50_000": "500"})
    assert [len(found[name].train[1]) for name in ("little", "plenty")] == [50, 500]
    assert found["build_model"]().output_shape == (None, 10)
    found = run("03", "cell-04", "cell-06")
    assert found["build_model"]().input_shape == (None, 32, 32, 3)
    found = run("06", "cell-05", "cell-07")
    assert found["after"][0].shape == (8, 32, 32, 3)


def test_clinc150_is_loaded(clinc, monkeypatch):
    stand_in(monkeypatch, clinc150=clinc)
    found = run("04", "cell-05", "cell-06", "cell-08", "cell-10")
    assert found["intents"] == ["timer", "transfer", "translate"]
    assert (found["words"].shape, found["test_words"].shape) == ((36, 28), (36, 28))
    assert found["transformer"]().output_shape == (None, 3)


def test_pets_are_loaded(pets, monkeypatch, capsys):
    images, annotations = pets
    stand_in(monkeypatch, oxford_pets_images=images, oxford_pets_annotations=annotations)
    found = run("05", "cell-05", "cell-13")
    assert "could not be downloaded" not in capsys.readouterr().out
    x, masks = found["x_pool"], found["mask_pool"]
    assert (x.dtype, x.shape, masks.shape) == ("float32", (4, 64, 64, 3), (4, 64, 64))
    assert x.max() < 4 / 255
    assert set(np.unique(masks)) == {0, 1, 255}


def test_spoken_digits_are_loaded(spoken, monkeypatch, capsys):
    stand_in(monkeypatch, free_spoken_digits=spoken)
    found = run("07", "cell-05", "cell-06", "cell-08")
    assert "could not be downloaded" not in capsys.readouterr().out
    assert found["waves"].shape == found["test_waves"].shape == (20, 6_400)
    assert 0.2 < np.abs(found["waves"]).max() <= 1
    assert sorted(found["ids"]) == sorted([*range(10)] * 2)


@pytest.mark.usefixtures("images_of_keras")
def test_pairs_are_loaded(spoken, monkeypatch, capsys):
    stand_in(monkeypatch, free_spoken_digits=spoken)
    found = run("09", "cell-05", "cell-06", "cell-08")
    assert "could not be downloaded" not in capsys.readouterr().out
    assert {name: leaf.shape for name, leaf in found["train"].items()} == {
        "image": (150, 28, 28, 1),
        "sound": (150, 6_400),
    }
    assert found["test"]["image"].shape[0] == found["test"]["sound"].shape[0] == 600


def test_houses_are_loaded(monkeypatch):
    def fetch(return_X_y):
        rng = np.random.default_rng(0)
        return rng.normal(size=(1_200, 8)), rng.uniform(0.15, 5, 1_200)

    monkeypatch.setattr(sklearn.datasets, "fetch_california_housing", fetch)
    found = run("08", "cell-07")
    assert (found["x"].shape, found["test"][0].shape) == ((1_000, 8), (200, 8))
    assert found["y"].dtype == "float32"


@pytest.mark.parametrize(
    ("number", "ids", "name", "shape"),
    [
        ("04", ("cell-05", "cell-06", "cell-08"), "words", (120, 12)),
        ("05", ("cell-05", "cell-13"), "x_test", (200, 32, 32, 3)),
        ("07", ("cell-05", "cell-06"), "waves", (120, 4_800)),
        ("09", ("cell-05", "cell-06"), "images", (150, 8, 8, 1)),
    ],
)
def test_goes_on_with_its_own_data_if_a_download_fails(
    number, ids, name, shape, monkeypatch, capsys
):
    stand_in(monkeypatch)  # a KeyError for every file
    assert run(number, *ids)[name].shape == shape
    assert "could not be downloaded" in capsys.readouterr().out


# ---- The guide for keras.io: what its scripts/tutobooks.py asks for


def test_guide_has_the_form_of_keras_io():
    text = GUIDE.read_text("utf-8")
    fence, *header = text.splitlines()[:8]
    fields = ["Title", "Author", "Date created", "Last modified", "Description", "Accelerator"]
    assert (fence, header[-1]) == ('"""', '"""')
    for field, line in zip(fields, header, strict=False):
        assert line.startswith(f"{field}: ")
    description = header[4].removeprefix("Description: ")
    assert description[0].isupper()
    assert description[-1] == "."
    assert len(description) <= 100
    assert header[5] in ("Accelerator: None", "Accelerator: GPU", "Accelerator: TPU")
    assert all(re.fullmatch(r"[^:]+: \d{4}/\d\d/\d\d", line) for line in header[2:4])
    assert not re.search(r'^""".+"""$| $|//arxiv\.org/pdf/|^[%!]', text, re.M)
    assert len(text.splitlines()) <= 300


def test_guide_runs(monkeypatch, capsys):
    monkeypatch.setattr(plt, "show", lambda: plt.close("all"))
    source = GUIDE.read_text("utf-8").replace("EPOCHS = 30", "EPOCHS = 1")
    source = source.replace("mixers.items()", "list(mixers.items())[-1:]")
    exec(compile(source, GUIDE.name, "exec"), {"__name__": "guide"})
    said = capsys.readouterr().out
    assert "30% of the training labels are wrong" in said
    assert re.search(r"difference of a label from the count: (0|\de-\d\d)$", said, re.M)
    assert "Two runs are equal:   True" in said
    assert "Two epochs are equal: False" in said
