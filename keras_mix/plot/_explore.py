"""The explorer for notebooks."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from keras_mix._core.optional_imports import require

if TYPE_CHECKING:  # ipywidgets is optional.
    from ipywidgets import VBox


def explore(
    dataset_or_batch: Any,
    *,
    class_names: Sequence[str] | None = None,
    bounding_boxes: str | None = None,
) -> "VBox":
    """Shows mixers on a batch of one's own, in a notebook.

    Mixers are chosen from a list, and their options moved by sliders. Each card shows a mixed
    image, its label as a bar of class weights, and the samples that it is mixed of; masks, boxes
    and keypoints are drawn over the image. Below stands the code that makes the picture from the
    same batch. The batch is mixed as a whole; the first twelve samples are shown.

    Args:
        dataset_or_batch: A batch: (images, labels), (images, labels, sample_weights), images alone,
            or a dict of "images" and any of "labels", "segmentation_masks", "bounding_boxes" and
            "keypoints"; targets may be a dict of these, too. Or a batched `tf.data.Dataset` of such
            batches, of which the first is taken. Images are `(B, H, W, 1)` or `(B, H, W, 3)`, and
            their values are read as by `keras_mix.plot.batch`. Labels are class ids, or class
            weights `(B, K)` from 0 to 1. Masks are integer class ids `(B, H, W)` or
            `(B, H, W, 1)`, of which 255 marks pixels to ignore, or class probabilities
            `(B, H, W, M)`.
        class_names: Sequence of K strings. Defaults to None: class ids.
        bounding_boxes: String. Format of the boxes, such as "xyxy", if there are any. Defaults to
            None: the batch has no boxes.

    Returns:
        An `ipywidgets.VBox`, which a notebook shows as the last line of a cell.

    Raises:
        ValueError: If it is not a batch of images in one of the forms above.
        ImportError: If ipywidgets or Pillow is missing.

    Example:

    >>> images = np.random.randint(0, 256, (8, 32, 32, 3), "uint8")
    >>> box = keras_mix.plot.explore((images, np.arange(8) % 2), class_names=["cat", "dog"])
    >>> type(box).__name__
    'VBox'
    """
    require("ipywidgets", "plot.explore", extra="explore")
    require("PIL.Image", "plot.explore", extra="explore")
    # The layers need TensorFlow, which a figure does not.
    from keras_mix.plot._explorer import Scene, read, widgets

    return widgets.build(Scene(read(dataset_or_batch, class_names, bounding_boxes)))
