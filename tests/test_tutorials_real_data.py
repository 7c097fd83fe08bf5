"""REAL_DATA, on small stand-ins with the shapes, dtypes and file layout of the real sets."""

import io
import json
import re
import tarfile
import wave
import zipfile

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest
import sklearn.datasets
from notebook_cells import FOLDER, cells, without_magics
from PIL import Image

pytestmark = pytest.mark.slow


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


@pytest.fixture
def pedestrians(tmp_path):
    """As Penn-Fudan: PNGs of photographs, and of masks that number the pedestrians."""
    rng, path = np.random.default_rng(0), tmp_path / "penn_fudan.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("PennFudanPed/PNGImages/", "")
        archive.writestr("PennFudanPed/readme.txt", "1. Directory structure")
        for number in range(12):
            name = f"FudanPed{number:05}"
            numbers = np.zeros((40, 50), "uint8")
            numbers[5:30, 5:15], numbers[9:35, 25:40] = 1, 2
            photo = rng.integers(0, 256, (40, 50, 3), dtype="uint8")
            for entry, pixels in (
                (f"PNGImages/{name}.png", photo),
                (f"PedMasks/{name}_mask.png", numbers),
            ):
                stream = io.BytesIO()
                Image.fromarray(pixels).save(stream, "PNG")
                archive.writestr(f"PennFudanPed/{entry}", stream.getvalue())
    return path


def test_pedestrians_are_loaded(pedestrians, monkeypatch, capsys):
    stand_in(monkeypatch, penn_fudan=pedestrians)
    found = run("10", "cell-05")
    assert "could not be downloaded" not in capsys.readouterr().out
    assert (found["SHAPES"], found["TRAIN"], found["SIDE"]) == (["pedestrian"], 2, 96)
    assert found["batch"]["masks"].shape == (6, 4, 96, 96)
    labels = found["batch"]["bounding_boxes"]["labels"]
    np.testing.assert_array_equal(labels, [[0, 0, -1, -1]] * 6)


@pytest.mark.parametrize(
    ("number", "ids", "name", "shape"),
    [
        ("04", ("cell-05", "cell-06", "cell-08"), "words", (120, 12)),
        ("05", ("cell-05", "cell-13"), "x_test", (200, 32, 32, 3)),
        ("07", ("cell-05", "cell-06"), "waves", (120, 4_800)),
        ("09", ("cell-05", "cell-06"), "images", (150, 8, 8, 1)),
        ("10", ("cell-05",), "x_pool", (240, 32, 32, 3)),
    ],
)
def test_goes_on_with_its_own_data_if_a_download_fails(
    number, ids, name, shape, monkeypatch, capsys
):
    stand_in(monkeypatch)  # a KeyError for every file
    assert run(number, *ids)[name].shape == shape
    assert "could not be downloaded" in capsys.readouterr().out
