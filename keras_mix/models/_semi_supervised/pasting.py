"""The base of models that paste unlabeled images into each other and their predictions likewise."""

import abc

from keras import ops

from keras_mix._core import checks
from keras_mix._core.draw import random
from keras_mix._core.ops.tensors import over
from keras_mix.models._semi_supervised.with_teacher import TaughtModel


class PastingModel(TaughtModel):
    """A model that learns, for pasted images, what its teacher predicts for the images pasted.

    A subclass has the attribute `threshold`: the teacher is confident where its largest probability
    is at least this.
    """

    mixes_labels = False

    @abc.abstractmethod
    def region(self, seed, taught, partners, grid):
        """bool `(B, H', W', 1)`, where a partner is pasted.

        Args:
            seed: As `random.split` gives it.
            taught: float32 `(B, K)` or `(B, H', W', K)`, the teacher's probabilities.
            partners: int32 `(B,)`.
            grid: Pair of ints (H', W').
        """

    @abc.abstractmethod
    def errors(self, targets, predictions):
        """float32 `(B,)` or `(B, H', W')`, the unlabeled loss of each prediction.

        Args:
            targets: float32 `(B, …, K)`, the teacher's probabilities, pasted as the images are.
            predictions: float32 of the same shape.
        """

    def training_pass(self, labeled, unlabeled, seed):
        labeled, unlabeled = self.augmented(labeled), self.augmented(unlabeled)
        taught = self.taught(unlabeled)
        # 1 where the teacher is confident.
        confident = ops.cast(ops.max(taught, axis=-1, keepdims=True) >= self.threshold, "float32")
        size = ops.shape(unlabeled)[0]
        order, place = random.split(seed, 2)
        partners = random.partners(order, "shuffle", size, size, has_second_batch=False)
        grid, factors = self._grid(unlabeled, taught)
        region = self.region(place, taught, partners, grid)
        pasted = region
        for axis, factor in enumerate(factors, start=1):
            pasted = ops.repeat(pasted, factor, axis=axis)
        other = ops.take(unlabeled, partners, axis=0)
        mixed = ops.where(pasted, other, unlabeled)
        share = ops.cast(region, "float32")
        if len(taught.shape) == 2:
            share = over(ops.mean(share, axis=(1, 2, 3)), taught)
        targets, weights = (
            (1.0 - share) * own + share * ops.take(own, partners, axis=0)
            for own in (taught, confident)
        )
        outputs, predictions = self.split_outputs(labeled, mixed)
        return outputs, ops.mean(self.errors(targets, predictions)) * ops.mean(weights)

    def measured(self, labels, unlabeled_loss):
        return labels, unlabeled_loss

    def _grid(self, images, taught):
        """The sizes of the grid that boxes are drawn on, and how often it divides the images'."""
        shape, scores = getattr(images, "shape", ()), tuple(taught.shape)
        if len(shape) != 4 or None in shape[1:3]:
            checks.refuse(
                self.owner,
                "inputs must be images (B, H, W, C) of known sizes, since parts of them are pasted",
                checks.described(images),
            )
        sizes = tuple(shape[1:3])
        grid = sizes if len(scores) == 2 else scores[1:3]
        maps = len(scores) in (2, 4) and None not in grid
        if not maps or any(size % cells for size, cells in zip(sizes, grid, strict=True)):
            checks.refuse(
                self.owner,
                "predictions must be (B, K), or maps (B, H', W', K) that divide the images",
                f"predictions of shape {scores} for images of shape {tuple(shape)}",
                "Scale them up inside the model.",
            )
        return grid, tuple(size // cells for size, cells in zip(sizes, grid, strict=True))
