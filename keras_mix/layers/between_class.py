"""BetweenClass."""

import functools

import keras
from typing_extensions import Unpack

from keras_mix._core import checks
from keras_mix._core.backend import xp
from keras_mix._core.draw import loudness, random
from keras_mix._core.plan import plan
from keras_mix._core.plan.combinations import Gains
from keras_mix.layers._mixer.beta_mixer import BetaMixer
from keras_mix.layers._mixer.option_types import Alpha, BetaOptions


@keras.saving.register_keras_serializable(package="keras_mix")
class BetweenClass(BetaMixer):
    """Mixes two sounds so that they are perceived in the proportion of their labels.

    r is drawn from Beta(α, α), and the labels are weighted by r and 1 - r. The sounds become (p x_1
    + (1 - p) x_2) / √(p² + (1 - p)²) with p = 1 / (1 + 10^((G_1 - G_2) / 20) (1 - r) / r), where G
    is the sound pressure level in dB of a sound's loudest window. So the louder sound is attenuated
    until the proportion heard is r, and the root preserves the energy of uncorrelated sounds.
    Levels below -80 dB are raised to -80 dB, which bounds the gains. Unweighted levels are relative
    to full scale, ±1. A-weighted ones are not normalized, as in the authors' code, so that -80 dB
    is about -139 dB of full scale for windows of 2048 samples.

    Inputs of the same time axis get the same gains; other inputs are blended by r.

    Deviations from the authors' code (mil-tokyo/bc_learning_sound, `utils.py` and `dataset.py`):

    - Levels are A-weighted, as theirs always are, only if `sampling_rate` is given.
    - A partner may have the same class: with K balanced classes, one partner in K does. Theirs
      never has; `pairing=keras_mix.pairings.ByClass("different")` pairs as they do.
    - A sample that is its own partner is unchanged, and a clip shorter than a window is one window.

    Args:
        alpha: Float ≥ 0, or a pair of floats > 0. Concentration α of Beta(α, α); a pair (a, b)
            draws r, the weight of the sample itself, from Beta(a, b). 0 mixes nothing. Defaults to
            1, the paper's uniform r.
        sampling_rate: Float > 0. Samples per second, for A-weighted levels. Defaults to None:
            unweighted levels.
        window: Even integer ≥ 2. Length of a window in samples. Defaults to 2048, as in the
            authors' code for 16 kHz; it uses 4096 for 44.1 kHz.
        **kwargs: Options shared by all mixers; see `keras_mix.layers.Mixer`.

    Raises:
        ValueError: If an argument is out of range, or if an input has no time axis.

    Example:

    >>> sounds = np.random.uniform(-1, 1, (8, 16000)).astype("float32")
    >>> mix = keras_mix.layers.BetweenClass(sampling_rate=16000, num_classes=10)
    >>> sounds, labels = mix(sounds, np.arange(8))
    >>> labels.shape
    TensorShape([8, 10])

    Reference:
        Tokozume et al., "Learning from Between-class Examples for Deep Sound Recognition", ICLR
        2018, arXiv:1711.10282, section 3; formulas as in the authors' code.
    """

    grid_rank = 1
    draws_regions = False

    def __init__(
        self,
        alpha: Alpha = 1.0,
        *,
        sampling_rate: float | None = None,
        window: int = 2048,
        **kwargs: Unpack[BetaOptions],
    ) -> None:
        super().__init__(alpha=alpha, **kwargs)
        if sampling_rate is not None:
            sampling_rate = checks.positive("sampling_rate", sampling_rate)
        self.sampling_rate = sampling_rate
        self.window = checks.integer("window", window, low=2)
        if self.window % 2:
            raise ValueError(f"`window` must be an even number. Received: window={window!r}")

    def sample(self, batch, seed):
        order, share = random.split(seed, 2)
        partners = self.partners(batch, order)
        lam = self.draw_lambda(batch, share, partners)
        levels = functools.partial(
            _pressure, axis=batch.axes[0], window=self.window, sampling_rate=self.sampling_rate
        )
        own = self.compiled(levels, batch, batch.images)
        donors = self.compiled(levels, batch, batch.donor_images) if batch.has_second_batch else own
        other = xp.gather(donors, partners - batch.first_donor)
        gains = Gains(_gains(own, other, xp.cast(lam, "float64")))
        drawn = plan.blend(partners, xp.stack([lam, 1.0 - lam], axis=1))
        return plan.unless_alone(drawn._replace(combine=gains))


def _pressure(sounds, grid, **options):
    return loudness.pressure(sounds, **options)


def _gains(own, other, lam):
    """float32 `(B, 2)`, p and 1 - p, scaled so that the squares sum to 1.

    The quotient of two pressures is 10 ** (difference of their levels / 20).
    """
    share = lam * other / (lam * other + (1.0 - lam) * own)
    # λ = 1 keeps all of the sound, even if a level is NaN.
    share = xp.where(lam == 1.0, xp.ones([], "float64"), share)
    gains = xp.stack([share, 1.0 - share], axis=1)
    return xp.cast(gains / xp.norm(gains, axis=1, keepdims=True), "float32")
