"""MixUp."""

import keras
from typing_extensions import Unpack

from keras_mix._core import checks
from keras_mix._core.backend import xp
from keras_mix._core.draw import random
from keras_mix._core.plan import plan
from keras_mix.layers._mixer.beta_mixer import BetaMixer
from keras_mix.layers._mixer.option_types import Alpha, BetaOptions


@keras.saving.register_keras_serializable(package="keras_mix")
class MixUp(BetaMixer):
    """Blends each sample with a partner: x = λ x_i + (1 - λ) x_j, and the labels by the same λ.

    λ is drawn from Beta(α, α). With `sources` S > 2, each sample is blended with S - 1 partners,
    drawn independently, and the labels by the same weights. The weights are drawn from the
    symmetric Dirichlet distribution of concentration α, by stick-breaking. The authors found no
    further gain in more than two sources (section 2). Inputs may have any rank: images,
    spectrograms, tables, embeddings. Blended inputs come out in the layer's compute dtype.

    Deviation from the authors' code: λ is drawn for each sample by default, not once for the batch;
    `per="batch"` draws it once.

    Args:
        alpha: Float ≥ 0, or a pair of floats > 0. Concentration α of Beta(α, α); a pair (a, b)
            draws λ, the weight of the sample itself, from Beta(a, b). 0 mixes nothing, 1 draws λ
            uniformly, and larger values mix more evenly. Defaults to 0.2, which lies in the paper's
            range for ImageNet (0.1 to 0.4; section 3.1) and is Keras's default; the paper uses 1 on
            CIFAR.
        sources: Integer ≥ 2. Number S of samples in each blend, the sample itself included. With
            `alpha=(a, b)`, weights are drawn from Dirichlet(a, b, …, b), a being the sample's own
            concentration; with `keep_major`, the sample's own weight and the largest one are
            swapped. Defaults to 2.
        **kwargs: Options shared by all mixers; see `keras_mix.layers.Mixer`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> images = np.random.rand(8, 32, 32, 3).astype("float32")
    >>> labels = np.arange(8)
    >>> mix = keras_mix.layers.MixUp(alpha=0.2, num_classes=10)
    >>> images, labels = mix(images, labels)
    >>> labels.shape
    TensorShape([8, 10])

    Reference:
        Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018, arXiv:1710.09412,
        section 2.
    """

    def __init__(
        self, alpha: Alpha = 0.2, *, sources: int = 2, **kwargs: Unpack[BetaOptions]
    ) -> None:
        super().__init__(alpha=alpha, **kwargs)
        self.num_sources = self.sources = checks.integer("sources", sources, low=2)

    def sample(self, batch, seed):
        order, share = random.split(seed, 2)
        partners = self.all_partners(batch, order)
        if self.num_sources == 2:
            lam = self.draw_lambda(batch, share, partners[:, 0])
            return plan.blend(partners, xp.stack([lam, 1.0 - lam], axis=1))
        weights = random.dirichlet(
            share, self.concentration(batch), batch.draws, self.num_sources, self.keep_major
        )
        return plan.blend(partners, weights)
