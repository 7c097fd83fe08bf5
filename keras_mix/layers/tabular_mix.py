"""TabularMix."""

from collections.abc import Mapping, Sequence

import keras
from typing_extensions import Unpack

from keras_mix._core import checks, leaf_names
from keras_mix._core.backend import xp
from keras_mix._core.draw import random
from keras_mix._core.plan import plan
from keras_mix.layers._mixer.beta_mixer import BetaMixer
from keras_mix.layers._mixer.option_types import Alpha, BetaOptions


@keras.saving.register_keras_serializable(package="keras_mix")
class TabularMix(BetaMixer):
    """Mixes rows of a table: blends continuous columns and swaps categorical ones.

    λ is drawn from Beta(α, α). A continuous column becomes λ x_i + (1 - λ) x_j, as in MixUp. A
    categorical column (ids, strings) takes the partner's value with probability 1 - λ, drawn
    independently for each column. The label's mixing weight is λ, the expected weight of both. With
    `cut=True` every column is swapped this way, continuous ones too, and the mixing weight is the
    fraction of columns kept, counted.

    A table is a dict of columns `(B,)` or `(B, 1)`, as produced by tf.data and `FeatureSpace`, or a
    single matrix `(B, F)`. It is passed together with its labels: `layer(columns, y)`, or
    `dataset.map(layer)` over `(columns, y)`. A wider entry of a dict, `(B, K)`, counts as one
    column, such as a one-hot encoded category. Inputs of higher rank are blended by the label's
    weights.

    Missing values are NaN in float columns. If one source has NaN, the other's value is used,
    whichever was drawn; if both have NaN, the result is NaN. Unmixed samples keep their NaN, and
    `cut=True` swaps NaN like any value. Values of any dtype that are filled, with a mark beside
    them, are named by `missing`: they are treated in the same way, and marked where both sources
    lack them.

    Batches with string columns are not compiled by XLA.

    Args:
        alpha: Float ≥ 0, or a pair of floats > 0. Concentration α of Beta(α, α); a pair (a, b)
            draws λ, the weight of the sample itself, from Beta(a, b). 0 mixes nothing. Defaults to
            0.2, as in `MixUp`.
        columns: Dict from column names to `"continuous"` or `"categorical"`, or a list of them, one
            for each column of a matrix. Kinds of the columns; a dict may leave columns out.
            Defaults to None: floats are continuous; integers, booleans and strings are categorical.
        one_hot: Dict from names of id columns to the number of their categories. These columns come
            out one-hot encoded, `(B, number)`, and blended. Defaults to None.
        missing: Dict from names of columns to the names of the inputs that mark their missing
            values, True or nonzero, of the same shape: `{"age": "age_missing"}`. Marks are no
            columns themselves. Defaults to None: only NaN is missing.
        cut: Boolean. Whether all columns are swapped instead of blended. Defaults to False.
        **kwargs: Options shared by all mixers; see `keras_mix.layers.Mixer`.

    Raises:
        ValueError: If an argument is out of range, if a kind is unknown, or if a column does not
            match its kind.

    Example:

    >>> table = {"age": np.random.rand(8).astype("float32"), "job": np.arange(8)}
    >>> mix = keras_mix.layers.TabularMix(alpha=1.0, num_classes=2)
    >>> table, labels = mix(table, np.arange(8) % 2)
    >>> table["job"].dtype
    tf.int64

    Reference:
        Continuous columns: Zhang et al., "mixup", arXiv:1710.09412, section 2. Swapping columns by
        independent draws: Somepalli et al., "SAINT", arXiv:2106.01342, where the probability is
        fixed (somepago/saint, `add_noise` in `augmentations.py`: 0.1 by default).
    """

    mixes_tables = True
    stands_alone = "a mixer of tables decides how each column is treated"

    def __init__(
        self,
        alpha: Alpha = 0.2,
        *,
        columns: Mapping[str, str] | Sequence[str] | None = None,
        one_hot: Mapping[str, int] | None = None,
        missing: Mapping[str, str] | None = None,
        cut: bool = False,
        **kwargs: Unpack[BetaOptions],
    ) -> None:
        super().__init__(alpha=alpha, **kwargs)
        self.columns = checks.columns(columns)
        self.one_hot = {
            name: checks.integer("one_hot", count, low=2)
            for name, count in checks.mapping("one_hot", one_hot).items()
        }
        self.missing = _marks(self, missing)
        self.cut = checks.boolean("cut", cut)

    def sample(self, batch, seed):
        order, share, place = random.split(seed, 3)
        partners = self.partners(batch, order)
        own = self.draw_lambda(batch, share, partners)[:, None]
        continuous = batch.table or ()
        if self.cut and not continuous:
            rule = "cut=True needs a table, columns (B,) or a matrix (B, F)"
            checks.refuse(self.owner, rule, "no input of these shapes")
        weights = xp.concat([own, 1.0 - own], axis=1)
        blend = plan.blend(partners, weights)
        if all(continuous) and not self.cut and batch.missing is None:
            return blend
        drawn = random.uniform(place, [batch.draws, len(continuous)]) < 1.0 - own
        if self.cut:
            return _by_columns(plan.paste(partners, drawn))
        taken = xp.where(xp.constant(continuous), 1.0 - own, xp.cast(drawn, "float32"))
        if batch.missing is not None:
            taken = batch.missing.avoided(taken, blend)
        region = xp.concat([1.0 - taken[..., None], taken[..., None]], axis=-1)
        return _by_columns(plan.blend(partners, weights, region))

    def dtype_of_shape(self, name, kind, shape):
        one_hot = leaf_names.key(name) in self.one_hot
        return "int32" if one_hot else super().dtype_of_shape(name, kind, shape)


def _marks(mixer, missing):
    """The checked `missing`: each input marks one column, and is none itself."""
    found = {
        column: checks.name("missing", mark)
        for column, mark in checks.mapping("missing", missing).items()
    }
    kinds = mixer.columns if isinstance(mixer.columns, dict) else {}
    others = [*found, *found.values(), *kinds, *mixer.one_hot]
    for mark in found.values():
        if mark is None or others.count(mark) > 1:
            raise ValueError(
                "`missing` must name for each column an input that marks its missing values, and "
                f"is no column itself. Received: missing={missing!r}, where {mark!r} is named twice"
            )
    return found


def _by_columns(drawn):
    """A plan with a region that applies to the columns of the table only."""
    return plan.PerGroup(drawn._replace(region=None), {"columns": drawn})
