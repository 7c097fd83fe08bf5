"""The texts, pixels and bars of the figures."""

import io

import numpy as np
import pytest

from keras_mix import plot
from keras_mix.evaluate import Reliability, picture
from keras_mix.plot._reliability import chance_band


def texts(figure):
    return [axes.get_xlabel() for axes in figure.axes]


def pixels(figure):
    return np.stack([np.asarray(axes.images[0].get_array()) for axes in figure.axes])


def test_mixed_labels_name_the_largest_shares_first():
    labels = [[0.0, 0.32, 0.0, 0.68], [1.0, 0.0, 0.0, 0.0], [0.996, 0.004, 0.0, 0.0]]
    figure = plot.batch(np.zeros([3, 4, 4]), labels)
    assert texts(figure) == ["3: 0.68  1: 0.32", "0: 1.00", "0: 1.00"]


def test_long_names_stand_below_each_other_and_are_shortened():
    figure = plot.batch(
        np.zeros([1, 4, 4]), [[0.25, 0.75]], class_names=["cat", "an unusually long name"]
    )
    assert texts(figure) == ["an unusuall…: 0.75\ncat: 0.25"]


def test_many_small_shares_are_summed():
    figure = plot.batch(np.zeros([1, 4, 4]), [[0.4, 0.2, 0.1, 0.1, 0.1, 0.1]])
    assert texts(figure) == ["0: 0.40\n1: 0.20\n2: 0.10\n3: 0.10\nothers: 0.20"]


def test_ids_are_named():
    assert texts(plot.batch(np.zeros([2, 4, 4]), [1, 0], class_names=["cat", "dog"])) == [
        "dog",
        "cat",
    ]
    assert texts(plot.batch(np.zeros([2, 4, 4]), np.array([1, 0], np.uint8))) == ["1", "0"]


@pytest.mark.parametrize("shape", [(2, 3, 4), (2, 3, 4, 1), (2, 3, 4, 3)])
@pytest.mark.parametrize(("dtype", "scale"), [("float32", 1), ("float16", 255), ("uint8", 255)])
def test_the_range_of_values_is_recognised(shape, dtype, scale):
    images = np.linspace(0, 1, np.prod(shape)).reshape(shape)
    shown = pixels(plot.batch((images * scale).astype(dtype), [0, 1]))
    assert shown.shape == (shape if shape[-1] == 3 else (2, 3, 4))
    np.testing.assert_allclose(shown.ravel(), images.ravel(), atol=0.005)


def test_standardized_images_are_stretched():
    shown = pixels(plot.batch(np.linspace(-3, 5, 32).reshape(2, 4, 4), [0, 1]))
    assert (shown.min(), shown.max()) == (0.0, 1.0)


def test_a_dark_uint8_batch_stays_dark():
    assert pixels(plot.batch(np.ones([1, 4, 4], np.uint8), [0])).max() < 0.01


def test_rows_are_headed_and_nothing_overlaps_or_leaves_the_page():
    labels = np.eye(7)[np.arange(7)] * 0.5 + np.eye(7)[::-1] * 0.5
    figure = plot.batch(np.zeros([7, 6, 4]), labels, class_names=list("abcdefg"), columns=3,
                        row_names=["first", "", "third"])  # fmt: skip
    assert [text.get_text() for text in figure.texts] == ["first", "", "third"]
    figure.savefig(io.BytesIO(), format="png")
    boxes = [axes.get_tightbbox() for axes in figure.axes]
    boxes += [text.get_window_extent() for text in figure.texts if text.get_text()]
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[i + 1 :])
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((np.zeros([4, 4]), [0]), r"Received: images.shape=\(4, 4\)"),
        ((np.zeros([1, 4, 4, 2]), [0]), r"Received: images.shape=\(1, 4, 4, 2\)"),
        ((np.zeros([0, 4, 4]), []), "B > 0"),
        ((np.zeros([2, 4, 4]), [0]), r"`labels` must be \(2,\).*Received: labels.shape=\(1,\)"),
        ((np.zeros([1, 4, 4]), [0.5]), "dtype float64"),
    ],
)
def test_refusals(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        plot.batch(*arguments)


def test_class_names_must_be_as_many_as_the_classes():
    with pytest.raises(ValueError, match="Received: 2 names for 3 classes"):
        plot.batch(np.zeros([1, 4, 4]), [2], class_names=["a", "b"])


def test_row_names_must_fit():
    with pytest.raises(ValueError, match="Received: 1 names for 2 rows"):
        plot.batch(np.zeros([3, 4, 4]), [0, 0, 0], columns=2, row_names=["a"])


def test_reliability_bars_stand_at_accuracy_and_confidence():
    diagram = Reliability([0, 3, 1], [0.0, 0.5, 0.9], [0.0, 0.25, 1.0])
    figure = plot.reliability({"none": diagram, "mixup": diagram})
    bars, counts = figure.axes[:2]
    assert bars.get_title() == "none\nECE 21.2 %"
    accuracy, gap, chance = bars.containers
    assert [bar.get_height() for bar in accuracy] == [0.25, 1.0]
    assert [bar.get_y() + bar.get_height() for bar in gap] == pytest.approx([0.5, 0.9])
    (whiskers,) = chance.lines[2]
    # All of 3 hits have a probability of 0.125, and a miss of one one of 0.1: both above 0.025.
    assert [line[:, 1].tolist() for line in whiskers.get_segments()] == [[0.0, 1.0], [0.0, 1.0]]
    assert [bar.get_height() for bar in counts.containers[0]] == [0, 3, 1]
    assert figure.axes[2].get_title() == "mixup\nECE 21.2 %"


def test_the_band_of_chance_is_that_of_a_binomial():
    # P(2 ≤ X ≤ 8) = 0.979 of 10 tosses of a fair coin, by hand: 1 - 2 · (1 + 10) / 1024.
    assert chance_band(10, 0.5) == (0.2, 0.8)
    assert chance_band(4, 1.0) == (1.0, 1.0)


def test_reliability_diagrams_wrap_into_rows():
    diagram = Reliability([1], [0.5], [0.0])
    figure = plot.reliability({str(i): diagram for i in range(4)}, columns=3)
    figure.savefig(io.BytesIO(), format="png")
    assert figure.axes[6].get_position().y1 < figure.axes[1].get_position().y0


NAMES = [r"$\frac$", "_x", "50 $ or 60 $", "<b>", "é 中", "a\nb"]


def test_names_are_drawn_as_they_are_written():
    figure = plot.batch(
        np.zeros([6, 4, 4]), np.arange(6), class_names=NAMES, columns=3, row_names=NAMES[:2]
    )
    assert texts(figure) == [*NAMES[:5], "a b"]
    reliability = plot.reliability({NAMES[0]: Reliability([1], [0.5], [0.0])})
    for made in (figure, reliability):
        assert picture.png(made).startswith(b"\x89PNG")
