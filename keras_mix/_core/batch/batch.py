"""A batch as the mixers see it: named leaves and sizes."""

from typing import NamedTuple

import keras

from keras_mix._core import checks, dtypes
from keras_mix._core.backend import Tensor, xp
from keras_mix._core.batch.annotations import Annotations, refuse
from keras_mix._core.batch.settings import Settings


class Leaf(NamedTuple):
    """One tensor of a batch.

    Attributes:
        name: Its path in the batch, such as "x", "y/age" or "images".
        kind: "images", "values", "columns" (of a table), "labels" (to be blended, smoothed if
            asked), "class_ids", "segmentation_masks", "bounding_boxes", "sample_weights",
            "keypoints", "instance_masks", "frame_labels", "lengths", "masks", "token_ids" or
            "passthrough".
        tensor: Its values, the samples along the first axis; or a `structure.BoxSet`.
        target: Whether it is a target, not an input.
    """

    name: str
    kind: str
    tensor: Tensor
    target: bool = False

    @property
    def precise_dtype(self) -> str:
        """The dtype that labels and weights come out in: float32, or float64 as they came in."""
        return "float64" if dtypes.of(self.tensor) == "float64" else "float32"


class Head(NamedTuple):
    """A leaf that pairings and label rules may read: no mask, no boxes.

    Attributes:
        name: Its name, such as "y" or "y/age".
        kind: Its kind, as in `Leaf`.
        labels: Its values as they were given.
        donor_labels: Those of the batch that partners are drawn from, or None.
    """

    name: str
    kind: str
    labels: Tensor
    donor_labels: Tensor | None


class Batch(NamedTuple):
    """The batch for which a mixer's `sample` draws a plan.

    Attributes:
        size: The number of samples, an int or a scalar tensor.
        donors: The number of samples that partners are drawn from.
        has_second_batch: Whether partners are drawn from a second batch.
        draws: The number of independent draws: `size`, or 1 if the batch shares one draw.
        grid: The sizes of the spatial axes that a region covers; None for mixers without one.
        images: The input that regions are drawn on; without a grid the first image or values.
        labels: The first target as it was given, or None.
        axes: The axes of the images that the grid covers, or None.
        donor_images: The same input of the batch that partners are drawn from.
        donor_labels: The same target of that batch, or None.
        table: Whether each column of a table is continuous, for mixers that mix tables.
        missing: A `missing_values.Missing` of the table, or None.
        heads: A `Head` for each target; empty where only `labels` is known.
        unmixed: A `Head` for each leaf, input or target, that the mixer returns unchanged.
        num_classes: The mixer's `num_classes`.
        parts: A dict from a modality's name to the `Batch` of it alone, where a mixer treats
            modalities by several regions.
        jit_compile: Whether XLA compiles, in graphs, the work on each position.
        validity: A `padding.Validity` that says which time steps are valid, or None.
        annotations: `Annotations` of the images, for mixers that draw regions from targets.
        donor_annotations: Those of the batch that partners are drawn from.
        settings: The `Settings` of a schedule.
        chosen: A bool scalar, whether the plan will be applied; None if it will in any case.
    """

    size: Tensor | int
    donors: Tensor | int
    has_second_batch: bool
    draws: Tensor | int
    grid: tuple | None
    images: Tensor
    labels: Tensor | None
    axes: tuple | None = None
    donor_images: Tensor | None = None
    donor_labels: Tensor | None = None
    table: tuple | None = None
    missing: object = None
    heads: tuple = ()
    unmixed: tuple = ()
    num_classes: int | dict | None = None
    parts: dict | None = None
    jit_compile: bool = True
    validity: object = None
    annotations: Annotations | None = None
    donor_annotations: Annotations | None = None
    settings: Settings = Settings()
    chosen: Tensor | None = None

    @property
    def height(self) -> int | Tensor:
        """The grid's first size."""
        return self._size(0)

    @property
    def width(self) -> int | Tensor:
        """The grid's second size."""
        return self._size(1)

    def _size(self, axis):
        if self.grid is None or axis >= len(self.grid):
            checks.refuse(
                "Batch",
                f"`height` and `width` are sizes of the region's grid, which has axis {axis}",
                f"grid={self.grid}",
                "Set `grid_rank = 2` in the class of the mixer.",
            )
        return self.grid[axis]

    @property
    def first_donor(self) -> int | Tensor:
        """The number of the first donor in the pool that `Plan.sources` counts."""
        return self.size if self.has_second_batch else 0

    def of_chosen(self, work, otherwise):
        """The result of costly work if the plan will be applied, else one of the same shape.

        Args:
            work: Function without arguments.
            otherwise: Likewise.
        """
        return work() if self.chosen is None else xp.cond(self.chosen, work, otherwise)

    def pool(self, own, donors):
        """The values `(B, ...)` of all samples, as `Plan.sources` counts them."""
        return xp.concat([own, donors], axis=0) if self.has_second_batch else own

    def annotated(self, owner, kind):
        """The annotations of a kind `(B, ...)` and those of the donors; refused if there are none.

        Args:
            owner: The name of the mixer that reads them.
            kind: A field of `Annotations`.
        """
        pair = [
            getattr(annotations or Annotations(), kind)
            for annotations in (self.annotations, self.donor_annotations)
        ]
        if any(found is None for found in pair):
            refuse(owner, kind, "a batch of inputs alone")
        return pair

    def donor_light(self):
        """float32 `(donors, *grid)`, the mean of `donor_images` over all other axes."""
        others = [a for a in range(1, len(self.donor_images.shape)) if a not in self.axes]
        return xp.reduce_mean(xp.cast(self.donor_images, "float32"), axis=others)


class InputsAlone(Batch):
    """A batch without labels, which refuses a mixer that reads those of the partners."""

    @property
    def donor_labels(self):  # type: ignore[override]
        """Refused: there are none."""
        checks.refuse(
            "Batch",
            "a mixer that reads `donor_labels` needs a batch with labels",
            "inputs alone",
            "Call `layer(x, y)`, or map the layer over a dataset of (x, y), not inside a model: "
            "models draw plans of the inputs alone.",
        )


def behind(checks, leaves):
    """The leaves, guarded by checks that the running graph makes: see `xp.behind`."""
    tensors = [leaf.tensor for leaf in leaves]
    guarded = xp.behind(checks, keras.tree.flatten(tensors))
    same = keras.tree.pack_sequence_as(tensors, guarded)
    return [leaf._replace(tensor=tensor) for leaf, tensor in zip(leaves, same, strict=True)]


def inputs_of(leaves):
    """The inputs that are mixed: token ids, which can only be cut, then images, then values."""
    return [
        leaf
        for kind in ("token_ids", "images", "values")
        for leaf in leaves
        if leaf.kind == kind and not leaf.target
    ]
