"""GridMix."""

import keras
from typing_extensions import Unpack

from keras_mix._core import checks
from keras_mix._core.backend import xp
from keras_mix._core.draw import random, shapes
from keras_mix._core.plan import plan
from keras_mix.layers._mixer.beta_mixer import BetaMixer
from keras_mix.layers._mixer.option_types import Alpha, BetaOptions


@keras.saving.register_keras_serializable(package="keras_mix")
class GridMix(BetaMixer):
    """Takes each cell of a grid from the sample or from its partner.

    λ is drawn from Beta(α, α). A fraction 1 - λ of the cells, rounded to a whole number and chosen
    at random, comes from the partner. The mixing weight is the fraction of pixels pasted. With as
    many cells as a vision transformer has patches, no patch mixes two images.

    Deviations: the paper's auxiliary loss, which classifies each cell, is not part of this layer.
    The authors' code was not found, so the number of cells and the distribution of the fraction are
    choices of this package. IlyaDobrynin/GridMixup, and OpenMixup after it, use the name for
    another method, which pastes the same part of each cell.

    Args:
        alpha: Float ≥ 0, or a pair of floats > 0. Concentration α of Beta(α, α); a pair (a, b)
            draws λ, the weight of the sample itself, from Beta(a, b). 0 mixes nothing. Defaults to
            1.
        cells: Integer ≥ 1, or a pair. Number of cells along the height and the width. Cells differ
            by one pixel if the number does not divide the side. Defaults to 4.
        **kwargs: Options shared by all mixers; see `keras_mix.layers.Mixer`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> images = np.random.randint(0, 256, (8, 32, 32, 3), "uint8")
    >>> images, labels = keras_mix.layers.GridMix(num_classes=10)(images, np.arange(8))
    >>> images.dtype
    tf.uint8

    Reference:
        Baek, Bang and Shim, "GridMix: Strong regularization through local context mapping", Pattern
        Recognition 109, 2021.
    """

    pastes = True
    grid_rank = 2

    def __init__(
        self, alpha: Alpha = 1.0, *, cells: int | tuple[int, int] = 4, **kwargs: Unpack[BetaOptions]
    ) -> None:
        super().__init__(alpha=alpha, **kwargs)
        self.cells = checks.pair("cells", cells, low=1)

    def sample(self, batch, seed):
        order, share, choice = random.split(seed, 3)
        partners = self.partners(batch, order)
        lam = self.draw_lambda(batch, share, partners)
        return self.sample_given(batch, lam, partners, choice)

    def sample_given(self, batch, lam, partners, seed):
        """The plan of a batch with given λ and partners, as `CrossModalMix` calls it."""
        rows, columns = self.cells
        count = xp.cast(xp.round((1.0 - lam) * (rows * columns)), "int32")
        rank = xp.argsort(random.bits(seed, [batch.draws, rows * columns]), stable=True)
        owners = xp.reshape(rank < count[:, None], [-1, rows, columns])
        return plan.paste(partners, shapes.cells(owners, batch.grid))

    def _resolved(self):
        return {**super()._resolved(), "cells": (4, 4)}
