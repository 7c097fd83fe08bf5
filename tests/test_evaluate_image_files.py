"""Image files of every kind, against the values that were written into them."""

import struct

import numpy as np
import pytest
from PIL import Image

from keras_mix.evaluate import datasets, image_file

SIZE = 6
RAMP = np.linspace(0.0, 1.0, SIZE * SIZE, dtype=np.float32).reshape(SIZE, SIZE)
GRAY = np.round(RAMP * 255).astype(np.uint8)
DEEP = np.round(RAMP * 65535).astype(np.uint16)
COLOURS = np.stack([GRAY, GRAY[::-1], GRAY.T], axis=-1)


def written(folder, image, name, **options):
    image.save(folder / name, **options)
    return folder / name


def read(*files):
    return image_file.scaled([image_file.decode(file, (SIZE, SIZE)) for file in files])


def gray(values):
    return np.repeat(np.asarray(values, np.float32)[..., None], 3, axis=-1)


def tiff(folder, values, bits, sample_format=1, photometric=1, order="<"):
    """Writes the least TIFF that there is, of numbers that Pillow reads but cannot write."""
    height, width = values.shape
    data = values.tobytes()
    entries = [
        (256, 3, width), (257, 3, height), (258, 3, bits), (259, 3, 1), (262, 3, photometric),
        (273, 4, 8), (277, 3, 1), (278, 3, height), (279, 4, len(data)), (339, 3, sample_format),
    ]  # fmt: skip
    head = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}I", 8 + len(data))
    short = {"<": "HH", ">": "HH"}
    table = struct.pack(f"{order}H", len(entries))
    for tag, kind, value in entries:
        table += struct.pack(f"{order}HHI", tag, kind, 1)
        table += struct.pack(
            f"{order}{'I' if kind == 4 else short[order]}", value, *[0][kind - 3 :]
        )
    (folder / "made.tif").write_bytes(head + data + table + bytes(4))
    return folder / "made.tif"


@pytest.mark.parametrize("name", ["deep.png", "deep.tif", "deep.pgm"])
def test_16_bits_keep_their_gray(tmp_path, name):
    file = written(tmp_path, Image.fromarray(DEEP), name)
    np.testing.assert_allclose(read(file)[0], gray(RAMP), atol=1e-5)


@pytest.mark.parametrize("order", ["<", ">"])
def test_16_bits_in_either_byte_order_and_with_white_as_zero(tmp_path, order):
    values = DEEP.astype(f"{order}u2")
    file = tiff(tmp_path, values, 16, order=order)
    np.testing.assert_allclose(read(file)[0], gray(RAMP), atol=1e-5)
    if order == "<":
        inverted = tiff(tmp_path, values, 16, photometric=0)
        np.testing.assert_allclose(read(inverted)[0], gray(1 - RAMP), atol=1e-5)


@pytest.mark.parametrize("scale", [1.0, 255.0, 65535.0, 3000.0])
def test_floats_are_read_on_the_scale_that_they_fill(tmp_path, scale):
    file = written(tmp_path, Image.fromarray(RAMP * scale), "float.tif")
    np.testing.assert_allclose(read(file)[0], gray(RAMP), atol=1e-5)


def test_floats_below_zero_span_black_to_white(tmp_path):
    file = written(tmp_path, Image.fromarray(RAMP * 3000 - 1000), "float.tif")
    np.testing.assert_allclose(read(file)[0], gray(RAMP), atol=1e-5)


@pytest.mark.parametrize("dtype", ["int32", "uint32"])
def test_32_bit_integers_of_16_bits_keep_their_gray(tmp_path, dtype):
    file = tiff(tmp_path, DEEP.astype(dtype), 32, sample_format=1 + (dtype == "int32"))
    np.testing.assert_allclose(read(file)[0], gray(RAMP), atol=1e-5)


def test_images_without_a_defined_white_share_one_scale(tmp_path):
    dark = written(tmp_path, Image.fromarray(RAMP), "dark.tif")
    light = written(tmp_path, Image.fromarray(RAMP * 255), "light.tif")
    eight_bits = written(tmp_path, Image.fromarray(GRAY), "gray.png")
    images = read(dark, light, eight_bits)
    np.testing.assert_allclose(images[0], gray(RAMP / 255), atol=1e-5)
    np.testing.assert_allclose(images[1:], gray([RAMP, GRAY / 255.0]), atol=1e-5)


def test_an_image_with_nan_is_not_readable(tmp_path):
    values = RAMP.copy()
    values[1, 2] = np.nan
    assert (
        image_file.decode(written(tmp_path, Image.fromarray(values), "nan.tif"), (SIZE, SIZE))
        is None
    )


def test_colours_of_every_mode(tmp_path):
    colours = Image.fromarray(COLOURS)
    expected = [COLOURS / 255.0]
    np.testing.assert_allclose(read(written(tmp_path, colours, "rgb.png")), expected, atol=1e-6)
    cmyk = written(tmp_path, colours.convert("CMYK"), "cmyk.tif")
    np.testing.assert_allclose(read(cmyk), expected, atol=0.01)
    palette = written(tmp_path, colours.quantize(SIZE * SIZE), "palette.png")
    np.testing.assert_allclose(read(palette), expected, atol=0.02)
    bits = written(tmp_path, Image.fromarray(GRAY > 99), "bits.png")
    np.testing.assert_array_equal(read(bits)[0], gray(GRAY > 99))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparent_pixels_show_white(tmp_path, mode):
    alpha = np.where(np.arange(SIZE) < 2, 0, 255).astype(np.uint8)
    image = Image.fromarray(gray(GRAY).astype(np.uint8))
    image.putalpha(Image.fromarray(np.broadcast_to(alpha, GRAY.shape).copy()))
    if mode == "PA":
        image = image.quantize(64, method=Image.Quantize.FASTOCTREE)
    file = written(tmp_path, image if mode == "PA" else image.convert(mode), "alpha.png")
    expected = gray(np.where(alpha == 0, 1.0, GRAY / 255.0))
    np.testing.assert_allclose(read(file)[0], expected, atol=0.04 if mode == "PA" else 1e-6)


def test_the_first_frame_of_an_animation_counts(tmp_path):
    frames = [Image.new("RGB", (SIZE, SIZE), colour) for colour in ("red", "blue")]
    file = written(tmp_path, frames[0], "a.gif", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(read(file)[0], np.broadcast_to([1.0, 0, 0], (SIZE, SIZE, 3)))


@pytest.mark.parametrize("values", [GRAY, DEEP])
def test_exif_turns_an_image_upright(tmp_path, values):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by 90°
    file = written(tmp_path, Image.fromarray(values), "turned.png", exif=exif)
    np.testing.assert_allclose(read(file)[0], gray(np.rot90(RAMP, -1)), atol=0.003)


def images(folder, colour, count):
    folder.mkdir(parents=True)
    for i in range(count):
        Image.new("RGB", (4, 4), colour).save(folder / f"{i}.png")


def classes(folder, count, blue=0):
    """Two classes; all images of a split have one value of blue."""
    images(folder / "NORMAL", (255, 0, blue), count)
    images(folder / "PNEUMONIA", (0, 255, blue), count)


@pytest.mark.parametrize(
    ("validation", "others"),
    [("val", ["test"]), ("valid", ["test", "extra"]), ("Validation", []), ("test_set", [])],
)
def test_a_folder_of_splits_keeps_them(tmp_path, validation, others):
    classes(tmp_path / "train", 3)
    classes(tmp_path / validation, 2, blue=255)
    for name in others:
        classes(tmp_path / name, 1, blue=128)
    data = datasets.load(str(tmp_path))
    assert data.class_names == ["NORMAL", "PNEUMONIA"]
    assert data.train[1].tolist() == [0, 0, 0, 1, 1, 1]
    assert data.validation[1].tolist() == [0, 0, 1, 1]
    assert data.train[0][..., 2].max() == 0.0
    assert data.validation[0][..., 2].min() == 1.0
    np.testing.assert_array_equal(data.train[0][:, 0, 0, :2], np.eye(2)[data.train[1]])
    unread = "; 'test' is not read" * ("test" in others)
    assert data.notes == (f"The split 'train' trains, {validation!r} validates{unread}.",)
    assert len(datasets.load(str(tmp_path), train_size=2).train[1]) == 2
    with pytest.raises(ValueError, match=r"from 2 .* to 6. Received: train_size=7"):
        datasets.load(str(tmp_path), train_size=7)


def test_unlabelled_splits_do_not_count(tmp_path):
    classes(tmp_path / "train", 5)
    images(tmp_path / "test", "red", 2)
    data = datasets.load(str(tmp_path))
    assert (len(data.train[1]), len(data.validation[1])) == (8, 2)


def test_classes_called_like_one_split_are_classes(tmp_path):
    for name in ("train", "car"):
        images(tmp_path / name, "red", 2)
    assert datasets.load(str(tmp_path)).class_names == ["car", "train"]


def test_splits_share_a_scale(tmp_path):
    for split, scale in (("train", 255), ("val", 1)):
        for name in ("a", "b"):
            (tmp_path / split / name).mkdir(parents=True)
            Image.fromarray(RAMP * scale).save(tmp_path / split / name / "0.tif")
    data = datasets.load(str(tmp_path), image_size=SIZE)
    np.testing.assert_allclose(data.validation[0], data.train[0] / 255, atol=1e-5)
    assert (
        data.notes[-1] == "The numbers 0 to 255 are black to white in the 4 float or 32-bit images."
    )


@pytest.mark.parametrize(
    ("folders", "sentence"),
    [
        (["val/a", "val/b", "test/a", "test/b"], "must hold a training split. Received: test, val"),
        (["train/a", "train/b", "val/a", "valid/b"], "Received: 'val' and 'valid' for validation"),
        (
            ["train/a", "train/b", "val/a", "val/c"],
            "the classes of 'train'. Received: 'c' in .*val",
        ),
        (["a/train", "a/test", "b/train", "b/test"], "above the classes, as in train/a."),
        (["data/a", "data/b"], "Received: 1 sub-folders .*may be the sub-folders of 'data'"),
        (["train", "test"], "at least 2. Received: 0 sub-folders in .*train"),
    ],
)
def test_folders_of_which_the_splits_are_unclear_are_refused(tmp_path, folders, sentence):
    for name in folders:
        images(tmp_path / name, "red", 2)
    with pytest.raises(ValueError, match=sentence):
        datasets.load(str(tmp_path))


@pytest.mark.parametrize("count", [2, 3, 4])
def test_few_images_a_class_are_split_without_a_size(tmp_path, count):
    classes(tmp_path / "data", count)
    data = datasets.load(str(tmp_path / "data"))
    for _, ids in (data.train, data.validation):
        assert set(ids) == {0, 1}
