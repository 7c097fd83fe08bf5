"""What a mixer does, and which of the shared options can therefore have no effect on it."""

import functools

from keras_mix._core.kinds import OF_OBJECTS
from keras_mix._core.leaves.boxes import Options
from keras_mix._core.options import idle_options
from keras_mix.layers._mixer.shared_options import Configured
from keras_mix.layers.bounding_box_options import BoundingBoxOptions


class Traits(Configured):
    """The attributes by which a mixer states what it does."""

    pastes = False
    """Whether every pixel comes from exactly one source, so that inputs keep their dtype."""
    erases = False
    """Whether it only fills pixels of the inputs and leaves targets unchanged.

    Inside a model such a mixer needs no labels, like `keras.layers.RandomErasing`.
    """
    moves = False
    """Whether sources are moved or resized, so that a sample changes even if mixed with itself."""
    grid_rank: int | None = None
    """The number of spatial axes that the mixer's regions cover; None if it has no region."""
    recurs = False
    """Whether the partners are the batch that was mixed before, which a pipeline carries along."""
    schedulable: tuple[str, ...] = ("rate",)
    """What a schedule of a pipeline can set: of "alpha", "rate" and "probabilities"."""
    mixes_tables = False
    """Whether inputs (B,), (B, 1) and (B, F) are columns of a table, each treated by its kind."""
    mixes_by_plan = True
    """The mark by which models find mixers among their layers without importing TensorFlow."""
    smallest_grid = 1
    """The smallest height and width that it can cut."""
    reads: frozenset = frozenset()
    """The kinds of targets that its regions are drawn from, as `Annotations` holds them."""
    num_sources = 2
    """The number S of sources of a sample, itself included."""
    stands_alone: str | None = None
    """The reason, a clause, why it cannot be an inner mixer; None if it can."""

    @property
    def draws_regions(self):
        """Whether leaves on its grid are cut, not blended by the weights."""
        return self.grid_rank is not None

    @property
    def weighs_by_region(self):
        """Whether labels of whole samples get the weights of a region on one grid."""
        return self.draws_regions and self.grid_rank is not None and not self.erases

    @property
    def hides(self):
        """Whether pixels of a source, and so boxes, can be hidden in the result."""
        return self.draws_regions

    @property
    def cuts_tokens(self):
        """Whether it cuts sequences of token ids."""
        return self.pastes and self.grid_rank == 1

    @functools.cached_property
    def box_options(self):
        """The `boxes.Options` of the layer."""
        given = self.bounding_boxes or BoundingBoxOptions()
        return Options(**given.get_config(), sources=self.num_sources)

    def without_effect(self):
        """Dict from options to why they change no result, as `idle_options.refuse` takes it."""
        reasons = {}
        if self.erases:
            fills = "the layer only fills pixels: it draws no partners, and labels stay unchanged"
            reasons |= dict.fromkeys(("pairing", "label_rule", "inputs_only"), fills)
            if self.label_mode == "union":
                reasons["label_mode"] = fills
        if self.label_mode == "values" and not self.soft_masks:
            reasons["num_classes"] = (
                'label_mode="values" takes targets as numbers, not as class ids'
            )
        return reasons | self._boxes_without_effect() | self._tokens_without_effect()

    def _boxes_without_effect(self):
        if self.grid_rank not in (None, 2):
            images = "boxes lie on height and width, along which the layer does not mix"
            return {"bounding_boxes": images}
        if not self.hides:
            return {"bounding_boxes.min_visible": "the layer hides no part of an object"}
        if self.box_options.format is None:
            return {"bounding_boxes.min_visible": self._visibility_without_boxes()}
        return {}

    def _visibility_without_boxes(self):
        """Why `min_visible` has no effect on keypoints and instance masks, or None."""
        kinds = set(self.kinds.values()) & {*OF_OBJECTS} - {"bounding_boxes"}
        if not kinds:
            return idle_options.without_box_format("are mixed")
        if self.pastes and "instance_masks" not in kinds:
            return "a pixel that is pasted shows all of a keypoint or nothing"
        return None

    def _tokens_without_effect(self):
        if not self.cuts_tokens:
            pastes = "only mixers that paste along one axis cut token ids"
            return {"sequences.padding_id": pastes, "sequences.special_tokens": pastes}
        if self.erases and self.sequence_options.special_tokens is None:
            return {"sequences.padding_id": "filled time steps do not count in labels"}
        return {}
