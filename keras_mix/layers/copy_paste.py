"""CopyPaste."""

import functools

import keras
from typing_extensions import Unpack

from keras_mix._core import checks
from keras_mix._core.backend import xp
from keras_mix._core.backend.axes import axis_size
from keras_mix._core.draw import instances, random
from keras_mix._core.plan import plan
from keras_mix._core.plan.regions import Soft
from keras_mix.layers._mixer.option_types import SharedOptions
from keras_mix.layers.mixer import Mixer


@keras.saving.register_keras_serializable(package="keras_mix")
class CopyPaste(Mixer):
    """Pastes objects of a partner, cut out by their masks, into each image.

    Of the n objects of a partner, m are pasted, with m uniform over 0 … n and each choice of m
    equally likely, so a sample stays unmixed with probability 1 / (n + 1). Boxes, class ids,
    instance masks, segmentation masks and keypoints follow. Own objects lose the pixels that are
    covered; a box of an object that is partly hidden, or that was scaled or mirrored, is drawn
    around the visible pixels of its mask. An object with less than `min_visible` of its pixels left
    is removed, and one of which so little would lie in the image is not pasted at all. A label of
    the whole image is weighted by the pixels.

    A batch needs instance masks `(B, N, H, W)`, named by `kinds={"masks": "instance_masks"}`. If it
    has boxes `(B, N, 4)`, box n belongs to mask n.

    The paper scales and mirrors both images before pasting. Here `scale` and `flip` do so to the
    partner only, as a whole; the sample's own augmentation comes before, in the pipeline.

    Deviations from the paper's code (tensorflow/tpu, `extract_objects_parser.py` and
    `maskrcnn_parser_with_copy_paste.py` in `models/official/detection/dataloader`): it removes an
    object of at most 300 visible pixels if some coordinate of a box has moved by more than 10, and
    keeps coordinates of boxes that moved by less; here a fraction decides, and boxes are exact. A
    frame that was reduced lies anywhere in the image, not in its upper left corner.

    Args:
        scale: Pair of floats > 0. Range of the factor by which a partner is scaled; where it
            exceeds 1, a random part of the partner shows. The paper's large scale jittering is
            (0.1, 2.0), its standard one (0.8, 1.25). Defaults to None: objects stay where they
            were.
        flip: Float in [0, 1]. Probability that a partner is mirrored left and right. Defaults to 0;
            the paper uses 0.5.
        max_objects: Integer ≥ 1. Most objects that are pasted into an image. Defaults to None: no
            limit, as in the paper's code.
        blur: Float ≥ 0. Standard deviation, in pixels, of a Gaussian filter that blends the edges
            of pasted objects; masks and labels keep hard edges. Defaults to 0: hard edges, as in
            the paper's code, where the filter is left out. The paper finds no difference (section
            3).
        **kwargs: Options shared by all mixers; see `keras_mix.layers.Mixer`.

    Raises:
        ValueError: If an argument is out of range; if a batch has no instance masks, or another
            number of them than of boxes; if keypoints would be mirrored.

    Example:

    >>> masks = np.zeros((4, 2, 32, 32), "uint8")
    >>> masks[:, 0, 4:12, 4:20] = 1
    >>> batch = {
    ...     "images": np.random.randint(0, 256, (4, 32, 32, 3), "uint8"),
    ...     "masks": masks,
    ...     "bounding_boxes": {
    ...         "boxes": np.tile([[4.0, 4.0, 20.0, 12.0], [0.0] * 4], (4, 1, 1)),
    ...         "labels": np.tile([7, -1], (4, 1)),
    ...     },
    ... }
    >>> kinds = {"masks": "instance_masks"}
    >>> mix = keras_mix.layers.CopyPaste((0.5, 1.5), kinds=kinds, bounding_boxes="xyxy")
    >>> mix(batch)["masks"].shape
    TensorShape([4, 4, 32, 32])

    Reference:
        Ghiasi et al., "Simple Copy-Paste is a Strong Data Augmentation Method for Instance
        Segmentation", CVPR 2021, arXiv:2012.07177, section 3.
    """

    pastes = True
    grid_rank = 2
    reads = frozenset({"instance_masks"})

    def __init__(
        self,
        scale: tuple[float, float] | None = None,
        *,
        flip: float = 0.0,
        max_objects: int | None = None,
        blur: float = 0.0,
        **kwargs: Unpack[SharedOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.scale = _scale(scale)
        self.flip = checks.number("flip", flip, high=1.0)
        self.max_objects = checks.integer("max_objects", max_objects, low=1, optional=True)
        self.blur = checks.number("blur", blur)
        self.moves = self.scale is not None or self.flip > 0

    def check(self, leaves):
        of_kind = {leaf.kind: leaf for leaf in leaves}
        if "bounding_boxes" in of_kind:
            self._check_alike(of_kind["instance_masks"], of_kind["bounding_boxes"])
        if self.flip and "keypoints" in of_kind:
            checks.refuse(
                self.owner,
                "keypoints cannot be mirrored, since a left eye would stand where right eyes do",
                f"flip={self.flip} beside `{of_kind['keypoints'].name}`",
                "Leave `flip` out, and mirror samples with their pairs of keypoints before.",
            )

    def _check_alike(self, masks, boxes):
        """Refuses another number of masks than of boxes."""
        counts = [axis_size(leaf.tensor, 1) for leaf in (masks, boxes)]
        rule = f"`{masks.name}` and `{boxes.name}` must list the same objects, a mask for each box"
        way_out = "Pad masks by zeros, and boxes by the label -1."
        if not all(isinstance(count, int) for count in counts):
            xp.checked(xp.equal(*counts), f"{self.owner}: {rule}. {way_out}")
        elif counts[0] != counts[1]:
            received = f"{counts[0]} masks and {counts[1]} boxes"
            checks.refuse(self.owner, rule, received, way_out)

    def sample(self, batch, seed):
        order, number, choice, place = random.split(seed, 4)
        partners = self.partners(batch, order)
        own, donors = batch.annotated(self.owner, "instance_masks")
        known = batch.annotations.has_box, batch.donor_annotations.has_box
        listed = None if any(each is None for each in known) else batch.pool(*known)
        placement = None
        if self.moves:
            placement = instances.frames(place, self.scale or (1.0, 1.0), self.flip, batch)
        least = batch.annotations.min_visible
        region = self.compiled(
            functools.partial(instances.region, most=self.max_objects, least=least),
            batch,
            random.uniform(number, [batch.draws]),
            random.bits(choice, [batch.draws, axis_size(own, 1)]),
            batch.pool(own, donors),
            listed,
            partners,
            placement,
        )
        drawn = plan.paste(partners, region, placement)
        if not self.blur:
            return drawn
        alpha = self.compiled(self._alpha, batch, region.mask.source)
        soft = Soft(xp.stack([1.0 - alpha, alpha], axis=-1))
        return plan.PerGroup(drawn, {"inputs": drawn._replace(region=soft)})

    def _alpha(self, covered, grid):
        return instances.feathered(covered, self.blur)


def _scale(scale):
    if scale is None:
        return None
    low, high = checks.interval("scale", scale)
    return checks.positive("scale", low), high
