"""Data sets and their splits."""

import keras
import numpy as np
import pytest
from PIL import Image

from keras_mix._core import optional_imports
from keras_mix.evaluate import datasets


@pytest.fixture
def folder(tmp_path):
    """Two classes of five images, 12×9 pixels, and a file that is no image."""
    for name, colour in (("red", (255, 0, 0)), ("blue", (0, 0, 255))):
        (tmp_path / name).mkdir()
        for i in range(5):
            Image.new("RGB", (12, 9), colour).save(tmp_path / name / f"{i}.png")
    (tmp_path / "blue" / "notes.png").write_text("no image")
    return tmp_path


def test_digits_are_split_with_the_classes_in_proportion():
    data = datasets.load("digits", train_size=300)
    assert data.train[0].shape == (300, 8, 8, 1)
    assert data.validation[0].shape == (1497, 8, 8, 1)
    assert data.train[0].dtype == np.float32
    assert (data.train[0].min(), data.train[0].max()) == (0.0, 1.0)
    every = np.bincount(np.concatenate([data.train[1], data.validation[1]]))
    assert np.abs(np.bincount(data.train[1]) - every * 300 / 1797).max() <= 1.0
    assert data.class_names == list("0123456789")


def test_digits_have_a_default_size_and_one_split_a_seed():
    first, again, other = (datasets.load("digits", seed=seed) for seed in (0, 0, 1))
    assert len(first.train[1]) == 1438
    np.testing.assert_array_equal(first.train[0], again.train[0])
    assert not np.array_equal(first.train[1], other.train[1])


@pytest.mark.parametrize("counts", [[2, 2], [2, 50], [5, 9, 40], [3] * 7])
def test_any_size_that_leaves_each_class_one_sample_is_met(counts):
    ids = np.repeat(np.arange(len(counts)), counts)
    names = [str(k) for k in range(len(counts))]
    for size in range(len(counts), len(ids) - len(counts) + 1):
        chosen, rest = datasets.split(ids, size, 0, names)
        assert len(chosen) == size
        assert sorted([*chosen, *rest]) == list(range(len(ids)))
        assert set(ids[chosen]) == set(ids[rest]) == set(ids)


@pytest.mark.parametrize("size", [9, 1788])
def test_a_size_that_empties_a_class_is_refused(size):
    with pytest.raises(ValueError, match=rf"from 10 .* to 1787. Received: train_size={size}"):
        datasets.load("digits", train_size=size)


def test_wrong_labels_are_as_many_as_asked_for_and_all_wrong():
    clean = datasets.load("digits", train_size=1000)
    noisy, again = (datasets.load("digits", train_size=1000, label_noise=0.3) for _ in range(2))
    changed = noisy.train[1] != clean.train[1]
    assert changed.sum() == 300
    np.testing.assert_array_equal(noisy.train[1], again.train[1])
    np.testing.assert_array_equal(noisy.train[0], clean.train[0])
    np.testing.assert_array_equal(noisy.validation[1], clean.validation[1])
    # Each of the nine other classes is equally probable: χ² of 8 degrees of freedom.
    steps = np.bincount((noisy.train[1] - clean.train[1])[changed] % 10, minlength=10)[1:]
    assert np.sum((steps - 300 / 9) ** 2 / (300 / 9)) < 26.1  # the quantile of 0.999
    other = datasets.with_wrong_labels(clean, 0.3, seed=1)
    assert not np.array_equal(other.train[1], noisy.train[1])
    assert noisy.notes[0].startswith("300 of the 1,000 training labels (30 %) are wrong")
    assert clean.notes == ()
    every = datasets.with_wrong_labels(clean, 1.0)
    assert not (every.train[1] == clean.train[1]).any()


@pytest.mark.parametrize("fraction", [-0.1, 1.5, float("nan"), "0.3", True])
def test_a_fraction_out_of_range_is_refused(fraction):
    with pytest.raises(ValueError, match="`label_noise` must be a finite number between 0 and 1"):
        datasets.load("digits", label_noise=fraction)


def test_a_folder_is_read_and_what_is_no_image_is_named(folder):
    data = datasets.load(str(folder), image_size=6)
    assert data.class_names == ["blue", "red"]
    assert data.skipped == ["blue/notes.png"]
    assert len(data.train[1]) + len(data.validation[1]) == 10
    for images, ids in (data.train, data.validation):
        assert images.shape[1:] == (6, 6, 3)
        for image, k in zip(images, ids, strict=True):
            expected = np.broadcast_to([(0.0, 0.0, 1.0), (1.0, 0.0, 0.0)][k], (6, 6, 3))
            np.testing.assert_array_equal(image, expected)


def test_a_truncated_image_is_named_and_a_gray_one_is_read(folder):
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    Image.fromarray(noise).save(folder / "red" / "broken.jpg")
    content = (folder / "red" / "broken.jpg").read_bytes()
    (folder / "red" / "broken.jpg").write_bytes(content[: len(content) // 2])
    Image.new("L", (5, 5), 255).save(folder / "red" / "gray.gif")
    data = datasets.load(str(folder), image_size=6)
    assert data.skipped == ["blue/notes.png", "red/broken.jpg"]
    assert len(data.train[1]) + len(data.validation[1]) == 11


def test_hidden_files_and_loose_files_do_not_count(folder):
    (folder / ".cache").mkdir()
    (folder / "red" / ".DS_Store").write_text("")
    (folder / "README.txt").write_text("")
    assert datasets.load(str(folder)).skipped == ["blue/notes.png"]


def test_folders_without_classes_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"sub-folder of images for each class.*Received: 0 sub"):
        datasets.load(str(tmp_path))
    (tmp_path / "one").mkdir()
    with pytest.raises(ValueError, match=r"at least 2. Received: 1 sub-folders"):
        datasets.load(str(tmp_path))


def test_a_class_without_images_is_refused(folder):
    (folder / "green").mkdir()
    (folder / "green" / "notes.txt").write_text("")
    with pytest.raises(ValueError, match=r"Received: none in '.*green'"):
        datasets.load(str(folder))


def test_a_class_with_one_image_is_refused(folder):
    (folder / "green").mkdir()
    Image.new("RGB", (5, 5)).save(folder / "green" / "0.png")
    with pytest.raises(ValueError, match=r"at least 2 images. Received: 1 of class 'green'"):
        datasets.load(str(folder))


def test_an_image_size_of_zero_is_refused(folder):
    with pytest.raises(ValueError, match=r"`image_size` must be at least 1 pixel. Received: 0"):
        datasets.load(str(folder), image_size=0)


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match=r"Received: 'cifar11'. Known: digits, cifar10"):
        datasets.load("cifar11")


@pytest.mark.parametrize(("name", "shape"), [("mnist", (28, 28)), ("cifar10", (32, 32, 3))])
def test_a_keras_data_set_keeps_its_test_split(monkeypatch, name, shape):
    images = np.full((100, *shape), 255, np.uint8)
    ids = np.arange(100).reshape(-1, 1) % 10
    pairs = ((images, ids), (images[:20], ids[:20]))
    monkeypatch.setattr(getattr(keras.datasets, name), "load_data", lambda: pairs)
    data = datasets.load(name, train_size=30)
    assert data.train[0].shape == (30, *shape[:2], 3 if len(shape) == 3 else 1)
    assert np.bincount(data.train[1]).tolist() == [3] * 10
    assert len(data.validation[1]) == 20
    assert data.train[0].max() == 1.0
    assert len(data.class_names) == 10
    assert len(datasets.load(name).train[1]) == 100
    assert len(datasets.load(name, train_size=100).train[1]) == 100
    with pytest.raises(ValueError, match=r"from 10 .* to 100. Received: train_size=101"):
        datasets.load(name, train_size=101)


def test_a_failed_download_is_one_sentence(monkeypatch):
    def fail():
        raise Exception("URL fetch failure")

    monkeypatch.setattr(keras.datasets.mnist, "load_data", fail)
    with pytest.raises(OSError, match="mnist could not be downloaded: URL fetch failure"):
        datasets.load("mnist")


def test_a_missing_package_is_named_with_the_way_to_install_it():
    with pytest.raises(ImportError, match=r'Plots needs the package nowhere.*"keras-mix\[eval'):
        optional_imports.require("nowhere.at.all", "Plots")


def test_a_sample_of_a_folder_is_drawn_by_the_seed_from_all_classes(folder):
    whole = datasets.sample(str(folder), 20, image_size=4)
    assert whole.train[0].shape == (10, 4, 4, 3)
    assert np.bincount(whole.train[1]).tolist() == [5, 5]
    assert whole.skipped == ["blue/notes.png"]
    few = [datasets.sample(str(folder), 4, image_size=4, seed=seed) for seed in (0, 0, 1, 2, 3)]
    assert all(each.class_names == ["blue", "red"] for each in few)
    labels = [each.train[1].tolist() for each in few]
    assert labels[0] == labels[1]
    assert len(set(map(tuple, labels))) > 1
    for images, ids in (each.train for each in few):
        np.testing.assert_array_equal(images[:, 0, 0, 0], ids)


def test_a_split_without_classes_is_named_as_not_read(folder, tmp_path):
    whole = tmp_path / "whole"
    (whole / "train").mkdir(parents=True)
    for name in ("red", "blue"):
        (folder / name).rename(whole / "train" / name)
    (whole / "test").mkdir()
    Image.new("RGB", (5, 5)).save(whole / "test" / "0.png")
    data = datasets.load(str(whole))
    assert len(data.train[0]) + len(data.validation[0]) == 10
    assert data.notes == (
        "'train' trains and validates, since no other split has folders of classes.",
    )
