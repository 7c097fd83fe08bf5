"""RandomChoice."""

from collections.abc import Sequence

import keras
import numpy as np
from typing_extensions import Unpack

from keras_mix._core import checks
from keras_mix._core.backend import xp
from keras_mix._core.batch.settings import Settings
from keras_mix._core.draw import random
from keras_mix._core.plan.choice import Choice
from keras_mix.layers._mixer.mixer_of_mixers import Composed, refuse_no_list, saved
from keras_mix.layers._mixer.option_types import SharedOptions
from keras_mix.layers.mixer import Mixer


@keras.saving.register_keras_serializable(package="keras_mix")
class RandomChoice(Composed):
    """Applies one of several mixers, drawn for each sample or for each batch.

    Labels have exactly the mixing weights of the mixer that was drawn. Inputs come out in the dtype
    that all mixers can return: their own if all mixers paste, else the compute dtype.

    Options that concern drawing (`alpha`, `per`, `pairing`, `rate`) belong to the individual
    mixers. All other shared options, such as `num_classes`, `data_format` or `seed`, belong to this
    layer. timm's switch between Mixup and CutMix is
    `RandomChoice([MixUp(0.8, per="batch"), CutMix(1.0, per="batch")], per="batch")`.

    Args:
        mixers: List of mixers of `keras_mix.layers`. The mixers to choose from.
        probabilities: List of floats in [0, 1] that sum to 1. Probability of each mixer. Defaults
            to None: equal probabilities.
        **kwargs: Options shared by all mixers; see `keras_mix.layers.Mixer`. With `per="batch"` one
            mixer is drawn for the batch, and only that one is applied. `pairing` is refused: each
            mixer has its own.

    Raises:
        ValueError: If there are no mixers; if `probabilities` does not have one number for each
            mixer or does not sum to 1; if a mixer has an option that belongs to this layer; if
            mixers cut different axes; or if one mixes tables, texts or several modalities, each in
            its own way.

    Example:

    >>> images = np.random.randint(0, 256, (8, 32, 32, 3), "uint8")
    >>> mixers = [keras_mix.layers.CutMix(), keras_mix.layers.FMix()]
    >>> mix = keras_mix.layers.RandomChoice(mixers, num_classes=10)
    >>> images, labels = mix(images, np.arange(8))
    >>> images.dtype
    tf.uint8

    Reference:
        Touvron et al., "Training data-efficient image transformers & distillation through
        attention", 2020, arXiv:2012.12877, section 6, draws Mixup or CutMix for each batch.
    """

    schedulable = ("rate", "probabilities")

    def __new__(cls, *args, **kwargs):
        # Before the second of several mixers is taken for another argument.
        if args and isinstance(args[0], Mixer):
            refuse_no_list(cls.__name__, args[0])
        return super().__new__(cls, *args, **kwargs)

    def __init__(
        self,
        mixers: Sequence[Mixer],
        *,
        probabilities: Sequence[float] | None = None,
        **kwargs: Unpack[SharedOptions],
    ) -> None:
        super().__init__(mixers, **kwargs)
        self.probabilities = checks.probabilities(probabilities, len(self.mixers))

    def sample(self, batch, seed):
        choice, *seeds = random.split(seed, 1 + len(self.mixers))
        ends = batch.settings.ends
        ends = self.ends(self.probabilities) if ends is None else ends
        # They are those of this choice, not of one among its mixers.
        batch = batch._replace(settings=Settings())
        chance = random.uniform(choice, [batch.draws, 1])
        index = xp.reduce_sum(xp.cast(chance >= xp.convert_to_tensor(ends), "int32"), axis=1)
        drawn = [
            mixer.draw(_batch_of(batch, index, number), s)
            for number, (mixer, s) in enumerate(zip(self.mixers, seeds, strict=True))
        ]
        return Choice(index, tuple(drawn))

    @staticmethod
    def ends(probabilities):
        """float32 `(C - 1,)`, where the intervals of C choices end in [0, 1), but for the last."""
        return np.cumsum(probabilities)[:-1].astype("float32")

    def _resolved(self):
        equal = checks.probabilities(None, len(self.mixers))
        return {**super()._resolved(), "probabilities": equal}

    def get_config(self):
        mixers = [saved(mixer) for mixer in self.mixers]
        return {
            **super().get_config(),
            "mixers": mixers,
            "probabilities": list(self.probabilities),
        }

    @classmethod
    def from_config(cls, config):
        mixers = [keras.saving.deserialize_keras_object(mixer) for mixer in config["mixers"]]
        return cls(**{**config, "mixers": mixers})


def _batch_of(batch, index, number):
    """The batch of one of the mixers, which knows whether its plan is the one that is applied."""
    if index.shape[0] != 1:
        return batch
    chosen = xp.equal(index[0], number)
    return batch._replace(chosen=chosen if batch.chosen is None else batch.chosen & chosen)
