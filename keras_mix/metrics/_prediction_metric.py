"""What the metrics of probabilities share: how a batch is read, summed and refused."""

import abc
import warnings
from typing import Any

import keras
from keras import ops

from keras_mix._core import checks, keras_compat
from keras_mix._core.ops import exact_sums, labeled_predictions
from keras_mix._core.ops.labeled_predictions import Refused
from keras_mix._core.options import argument_errors
from keras_mix._core.options.config import config_of

# In the order of `Refused`.
_RULES = (
    "predictions must not be NaN",
    "predictions must be at least 0 and sum to 1, unless from_logits=True",
    "labels must be classes of the predictions",
    "sample weights must be from 0 to 16,777,216",
)


class PredictionMetric(keras.metrics.Metric, abc.ABC):
    """Weighted sums over groups of predictions, the same to the bit in whatever batches they come.

    Subclasses have `measured(rows)`, which gives the groups of the rows and the values to be added
    up; `score(sums)`, the result of the sums; and `groups` and `columns`, the shape of the sums.

    Values cannot raise errors in compiled graphs. So samples with bad values are counted in
    `refused`, on every backend, compiled or not; the result is NaN, and says why in a warning where
    it is computed eagerly, as at the end of `evaluate` and of each epoch of `fit`.
    """

    columns = 2
    groups: int | None = 1
    read_labels = staticmethod(labeled_predictions.class_ids)

    @argument_errors.naming_class
    def __init__(
        self, *, from_logits: bool = False, name: str | None = None, dtype: Any = None
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.from_logits = checks.boolean("from_logits", from_logits)
        self._sums: Any = None
        self._refused = self.add_variable((len(Refused._fields),), "zeros", "int", name="refused")
        self._warned = False
        if self.groups is not None:
            self.make_sums(self.groups)

    def make_sums(self, groups):
        """Makes the state of the sums, `(groups, columns, digits)`."""
        shape = (groups, self.columns, exact_sums.DIGITS)
        # "int" has 64 bits on TensorFlow, which keeps int32 variables away from a GPU.
        self._sums = self.add_variable(shape, "zeros", "int", name="sums")

    @property
    def refused(self) -> Refused:
        """How many samples were refused, by reason; the result is NaN unless all are 0."""
        return Refused(*ops.convert_to_numpy(self._refused).tolist())

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        rows = labeled_predictions.read(
            self.name,
            y_true,
            y_pred,
            sample_weight,
            from_logits=self.from_logits,
            labels=self.read_labels,
        )
        index, values = self.measured(rows)
        self._refused.assign_add(ops.cast(rows.refused, self._refused.dtype))
        self._sums.assign(exact_sums.added(ops.convert_to_tensor(self._sums), index, values))

    @abc.abstractmethod
    def measured(self, rows):
        """The groups int32 `(N,)` of the rows, and float32 `(N, columns)` to be added up."""

    @abc.abstractmethod
    def score(self, sums):
        """The result, from the columns of the sums, each float32 `(groups,)`."""

    def counted(self, sums):
        """Whether the sums hold a sample; the result of nothing is NaN."""
        return ops.sum(sums[0]) > 0

    def result(self) -> Any:
        if self._sums is None:
            return ops.cast(float("nan"), self.dtype)
        sums = exact_sums.values_of(ops.convert_to_tensor(self._sums))
        sums = [sums[:, column] for column in range(self.columns)]
        refused = ops.any(ops.convert_to_tensor(self._refused) > 0)
        self._warn(refused)
        fine = ops.logical_and(self.counted(sums), ops.logical_not(refused))
        return ops.cast(ops.where(fine, self.score(sums), float("nan")), self.dtype)

    def reset_state(self) -> None:
        super().reset_state()
        self._warned = False

    def get_config(self):
        return {**super().get_config(), **config_of(self)}

    def _warn(self, refused):
        """Says once what was refused, where that is a value and no symbol."""
        if self._warned or keras_compat.in_symbolic_scope():
            return
        try:
            if not bool(refused):
                return
        except TypeError:
            return
        self._warned = True
        for rule, count in zip(_RULES, self.refused, strict=True):
            if count:
                warnings.warn(
                    f"{type(self).__name__}: {rule}. Received: {count} of other samples, for which "
                    "the result is NaN.",
                    stacklevel=3,
                )


def weighted(rows, *scores):
    """float32 `(N, 1 + scores)`, the weights of rows and their weighted scores."""
    return ops.stack([rows.weights, *(rows.weights * score for score in scores)], axis=-1)


def one_group(rows):
    """The groups of rows that are all added up."""
    return ops.zeros_like(rows.ids)
