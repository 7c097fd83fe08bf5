"""CutMix."""

import keras
from typing_extensions import Unpack

from keras_mix._core import checks
from keras_mix._core.backend import xp
from keras_mix._core.draw import free_boxes, random, shapes
from keras_mix._core.plan import plan
from keras_mix.layers._mixer.beta_mixer import BetaMixer
from keras_mix.layers._mixer.option_types import Alpha, BetaOptions, SpatialDims


@keras.saving.register_keras_serializable(package="keras_mix")
class CutMix(BetaMixer):
    """Pastes a box of a partner into each image; labels are weighted by the area of the box.

    λ is drawn from Beta(α, α). The box has sides H√(1 - λ) and W√(1 - λ), rounded down. Its center
    is uniform over the pixels, and what lies beyond the border is clipped. The partner's mixing
    weight is the fraction of pixels that are pasted after clipping, so at α = 1 a large image keeps
    0.679 of its pixels on average, not 0.5. Images keep their dtype. Segmentation masks are cut
    together with the image; inputs of other sizes are blended by the same weights.

    Deviations from the authors' code (clovaai/CutMix-PyTorch, `rand_bbox` in `train.py`):

    - Each sample has its own box by default; with `per="batch"` all share one, as in their code.
    - A box whose side is odd keeps its last row or column, which theirs loses. The mean pasted
      fraction at α = 1 is 0.311 instead of 0.300 on images of 32 pixels, and 0.320 instead of 0.318
      on 224.

    Args:
        alpha: Float ≥ 0, or a pair of floats > 0. Concentration α of Beta(α, α); a pair (a, b)
            draws λ, the weight of the sample itself, from Beta(a, b). 0 mixes nothing. Defaults to
            1.0, the paper's choice (section 3.1).
        spatial_dims: 1, 2 or 3. Number of axes that are cut: 1 for time, the first axis after the
            batch's (of sequences, spectrograms `(B, T, F, C)` and videos); 2 for images, or for all
            frames of a video alike; 3 for volumes, or for a span of a video, where sides scale with
            the cube root of 1 - λ. Defaults to 2.
        candidates: Integer ≥ 1. For detection: how many boxes are drawn, each with its own λ and
            center; the one is taken that covers least of the sample's own objects, summed over the
            fractions of their boxes, of several the first. A sample stays unmixed if its box would
            show less than `min_visible` of each object of the partner. Ultralytics draws 3, and
            also leaves samples unmixed if each of the 3 touches an object. Batches need boxes.
            Defaults to None: one box, whatever it covers or shows.
        **kwargs: Options shared by all mixers; see `keras_mix.layers.Mixer`. The paper mixes a
            batch with probability 0.5 on CIFAR (`rate=0.5`) and always on ImageNet.

    Raises:
        ValueError: If `alpha` is out of range; if an input has no height and width; if `candidates`
            are asked for along other axes than those, or without boxes in the batch.

    Example:

    >>> images = np.random.randint(0, 256, (8, 32, 32, 3), "uint8")
    >>> labels = np.arange(8)
    >>> mix = keras_mix.layers.CutMix(num_classes=10)
    >>> images, labels = mix(images, labels)
    >>> images.dtype
    tf.uint8

    Reference:
        Yun et al., "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable
        Features", ICCV 2019, arXiv:1905.04899, section 3.1. `candidates`: `CutMix` in
        `ultralytics/data/augment.py` of ultralytics/ultralytics.
    """

    pastes = True

    def __init__(
        self,
        alpha: Alpha = 1.0,
        *,
        spatial_dims: SpatialDims = 2,
        candidates: int | None = None,
        **kwargs: Unpack[BetaOptions],
    ) -> None:
        super().__init__(alpha=alpha, **kwargs)
        self.grid_rank = self.spatial_dims = checks.choice("spatial_dims", spatial_dims, (1, 2, 3))
        self.candidates = checks.integer("candidates", candidates, low=1, optional=True)
        if self.candidates is not None:
            self.reads = frozenset({"bounding_boxes"})
            if self.spatial_dims != 2:
                checks.refuse(
                    self.owner,
                    "`candidates` are compared by the boxes of objects in images, spatial_dims=2",
                    f"candidates={candidates} and spatial_dims={spatial_dims}",
                )

    def without_effect(self):
        reasons = super().without_effect()
        if self.candidates is not None:
            reasons["lambda_rule"] = "each of the `candidates` draws a λ of its own"
        return reasons

    def sample(self, batch, seed):
        order, share, place = random.split(seed, 3)
        partners = self.partners(batch, order)
        if self.candidates is not None:
            return self._beside_objects(batch, partners, share, place)
        lam = self.draw_lambda(batch, share, partners)
        return self.sample_given(batch, lam, partners, place)

    def sample_given(self, batch, lam, partners, seed):
        """The plan of a batch with given λ and partners, as `CrossModalMix` calls it."""
        sides = shapes.sides(1.0 - lam, batch.grid)
        centre = random.points(seed, batch.draws, batch.grid)
        if self.grid_rank == 1:
            # A line may be as long as a sound, which is worth compiling; an image's sides are not.
            return self.pasted(shapes.rectangle, batch, partners, centre, sides)
        return plan.paste(partners, shapes.rectangle(centre, sides, batch.grid))

    def _beside_objects(self, batch, partners, share, place):
        """The plan that pastes where a sample has least, if its partner has something there."""
        number = batch.draws * self.candidates
        lam = self.draw_beta(batch._replace(draws=number), share)
        sides = shapes.sides(1.0 - lam, batch.grid)
        corner = random.points(place, number, batch.grid) - sides // 2
        corner, sides = (xp.reshape(each, [-1, self.candidates, 2]) for each in (corner, sides))
        boxes, exist = (batch.annotated(self.owner, name) for name in ("bounding_boxes", "has_box"))
        chosen = free_boxes.least_covering(corner, sides, boxes[0], exist[0])
        every = [batch.size, self.candidates, 2]
        corner, sides = (
            xp.gather(xp.broadcast_to(each, every), chosen, batch_dims=1)
            for each in (corner, sides)
        )
        theirs = [xp.gather(each[1], partners - batch.first_donor) for each in (boxes, exist)]
        shown = free_boxes.show(corner, sides, *theirs, batch.annotations.min_visible)
        return plan.paste(partners, shapes.box(corner, sides, batch.grid)).keep(shown)
