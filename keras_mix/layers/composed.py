"""The base of mixers that are made of mixers."""

from keras_mix import checks
from keras_mix.layers.base import Mixer


class Composed(Mixer):
    """Mixes labels, masks and boxes itself, by plans that other mixers draw.

    Args:
        mixers: A list of mixers.
        **kwargs: The arguments that all mixers share.
    """

    def __init__(self, mixers, **kwargs):
        super().__init__(**kwargs)
        self.mixers = _checked(self.owner, mixers)
        self.pastes = all(mixer.pastes for mixer in self.mixers)
        self.erases = all(mixer.erases for mixer in self.mixers)
        self.grid_rank = _grid_rank(self.owner, self.mixers)
        self.smallest_grid = max(mixer.smallest_grid for mixer in self.mixers)
        self.num_sources = max(mixer.num_sources for mixer in self.mixers)

    @property
    def draws_regions(self):
        return any(mixer.draws_regions for mixer in self.mixers)


# What a mixer may not decide for itself where another mixes the labels.
_OF_LABELS = {
    "num_classes": None,
    "labels": "auto",
    "label_smoothing": 0.0,
    "label_rule": None,
    "kinds": {},
    "passthrough": (),
    "main_input": None,
    "keep_dtype": False,
    "soft_masks": False,
    "bounding_box_format": None,
    "max_boxes": None,
    "box_details": False,
    "padding_id": None,
    "special_tokens": None,
}


def _checked(owner, mixers):
    if not isinstance(mixers, list | tuple) or not mixers:
        raise ValueError(
            f"{owner}: `mixers` must be a list of at least one mixer. Received: mixers={mixers!r}"
        )
    for mixer in mixers:
        checks.instance(owner, "mixers", mixer)
        if not isinstance(mixer, Mixer):
            raise ValueError(
                f"{owner}: `mixers` must hold mixers of keras_mix.layers. Received: {mixer!r}. "
                "Keras's augmentations belong before it, in a keras.layers.Pipeline."
            )
        if mixer.mixes_tables:
            raise ValueError(
                f"{owner}: a mixer of tables decides how each column is treated, and so cannot be "
                f"one of several. Received: {mixer!r}. Use its `rate`."
            )
        refuse_label_options(owner, mixer)
    return list(mixers)


def refuse_label_options(owner, mixer):
    """Refuses a mixer that would decide what only the layer around it does."""
    for name, default in _OF_LABELS.items():
        if getattr(mixer, name) != default:
            raise ValueError(
                f"{owner}: `{name}` belongs to the {owner}, which mixes the labels. "
                f"Received: {type(mixer).__name__}({name}={getattr(mixer, name)!r})"
            )


def _grid_rank(owner, mixers):
    ranks = {mixer.grid_rank for mixer in mixers} - {None}
    if len(ranks) > 1:
        raise ValueError(
            f"{owner}: all mixers must cut the same axes. Received: spatial_dims="
            f"{[mixer.grid_rank for mixer in mixers]}"
        )
    return next(iter(ranks), None)
