"""RandomApply."""

import keras
from typing_extensions import Unpack

from keras_mix._core import checks
from keras_mix.layers._mixer.mixer_of_mixers import Composed, saved
from keras_mix.layers._mixer.option_types import OptionsButRate
from keras_mix.layers.mixer import Mixer


@keras.saving.register_keras_serializable(package="keras_mix")
class RandomApply(Composed):
    """Applies another mixer with a given probability, to each sample or to each batch.

    It adds a `rate` to a mixer that has already been constructed, such as a `RandomChoice`. With
    `per="batch"` it decides once for the whole batch, even if the mixer draws for each sample.

    Args:
        mixer: Mixer of `keras_mix.layers`. The mixer to apply.
        rate: Float in [0, 1]. Probability that a sample is mixed, or the batch if `per="batch"`.
            Defaults to 0.5.
        **kwargs: Options shared by all mixers; see `keras_mix.layers.Mixer`. `pairing` is refused:
            the inner mixer has its own.

    Raises:
        ValueError: If the rate is out of range; if the inner mixer has an option that belongs to
            this layer (all but `pairing`, `per`, `rate` and its own arguments); or if it mixes
            tables, texts or several modalities, each in its own way.

    Example:

    >>> images = np.random.randint(0, 256, (8, 32, 32, 3), "uint8")
    >>> mix = keras_mix.layers.RandomApply(keras_mix.layers.CutMix(), rate=0.5, num_classes=10)
    >>> images, labels = mix(images, np.arange(8))
    >>> labels.shape
    TensorShape([8, 10])

    Reference:
        Yun et al., "CutMix", arXiv:1905.04899. The authors' README mixes half of CIFAR's batches
        (`--cutmix_prob 0.5`).
    """

    def __init__(
        self, mixer: Mixer, *, rate: float = 0.5, **kwargs: Unpack[OptionsButRate]
    ) -> None:
        checks.instance(self.owner, "mixer", mixer)
        if isinstance(mixer, list | tuple):
            checks.refuse(
                "RandomApply",
                "`mixer` must be one mixer",
                f"mixer={mixer!r}",
                "To draw one of several mixers, pass a RandomChoice as the mixer.",
            )
        super().__init__([mixer], rate=rate, **kwargs)
        self.mixer = mixer

    def sample(self, batch, seed):
        return self.mixer.draw(batch, seed)

    def get_config(self):
        return {**super().get_config(), "mixer": saved(self.mixer)}

    @classmethod
    def from_config(cls, config):
        mixer = keras.saving.deserialize_keras_object(config["mixer"])
        return cls(**{**config, "mixer": mixer})
