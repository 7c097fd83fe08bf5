"""Recall@k: how often a modality of a sample retrieves the other one."""

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import keras
from keras import ops

from keras_mix._core import checks
from keras_mix._core.ops import embedding_pairs, packed_labels
from keras_mix._core.ops.tensors import differ, is_column
from keras_mix._core.options import argument_errors
from keras_mix._core.options.config import config_of

DIRECTIONS = ("both", "first_to_second", "second_to_first")
Direction: TypeAlias = Literal["first_to_second", "second_to_first", "both"]


@keras.saving.register_keras_serializable(package="keras_mix")
@argument_errors.name_class
class RecallAtK(keras.metrics.Metric):
    """The fraction of queries with a match among the k nearest samples of the other modality.

    The similarity is the cosine of the embeddings. A query is a hit if at least one sample with its
    id is among the k most similar. Other candidates as similar as the best match rank before it, so
    constant embeddings score 0, not 1. The candidates of a query are the samples of its batch, and
    hits are averaged over all batches. The result therefore depends on the batch size. That is good
    enough to follow a training; for a whole test set use `keras_mix.metrics.retrieval_recall`.

    Args:
        k: Integer ≥ 1. Number of nearest candidates. Defaults to 1.
        direction: `"first_to_second"`, `"second_to_first"` or `"both"`. The modality of the queries
            and that of the candidates; `"both"` is the mean of the two directions. Defaults to
            `"both"`.
        name: String. Name of the metric. Defaults to None: `"recall_at_"` and k.
        dtype: Dtype of the result. Defaults to None: Keras's default.

    Call arguments:
        y_true: Ids `(B,)` or `(B, 1)`; samples with equal ids match, such as two captions of an
            image. Or packed targets `(B, 2, S)`, of which the source with the largest weight
            counts.
        y_pred: The embeddings of both modalities, `(B, 2, D)` or a pair of tensors `(B, D)`.
        sample_weight: Floats `(B,)`. The weight of each query. Defaults to None.

    Raises:
        ValueError: If the embeddings differ in width or batch size, or an argument is out of range.

    Example:

    >>> recall = keras_mix.metrics.RecallAtK(k=1)
    >>> embeddings = np.stack([np.eye(4), np.eye(4)[[0, 1, 3, 2]]], axis=1)
    >>> recall.update_state(np.arange(4), embeddings)
    >>> float(recall.result())
    0.5
    """

    def __init__(
        self,
        k: int = 1,
        *,
        direction: Direction = "both",
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        self.k = checks.integer("k", k, low=1)
        super().__init__(name=name or f"recall_at_{k}", dtype=dtype)
        self.direction = checks.choice("direction", direction, DIRECTIONS)
        self.hits = self.add_variable((), "zeros", name="hits")
        self.queries = self.add_variable((), "zeros", name="queries")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        first, second = embedding_pairs.pair(self.name, "y_pred", y_pred)
        ids = _ids(self.name, y_true, first)
        ways = _ways(first, second, self.direction)
        ranks = [_before(queries, candidates, ids, ids) for queries, candidates in ways]
        found = [ops.cast(rank < self.k, self.dtype) for rank in ranks]
        found = sum(found) / len(found)
        weights = ops.ones_like(found)
        if sample_weight is not None:
            sample_weight = ops.convert_to_tensor(sample_weight, self.dtype)
            weights = ops.reshape(sample_weight, [-1]) * weights
        self.hits.assign_add(ops.sum(found * weights))
        self.queries.assign_add(ops.sum(weights))

    def result(self) -> Any:
        return ops.divide_no_nan(self.hits, self.queries)

    def get_config(self):
        return {**super().get_config(), **config_of(self)}


def retrieval_recall(
    first: Any,
    second: Any,
    *,
    ids: Any = None,
    k: int | Sequence[int] = (1, 5, 10),
    direction: Direction = "both",
    block_size: int = 1024,
) -> dict[int, float]:
    """Recall@k over a whole dataset, computed in blocks without an N × N matrix in memory.

    Hits and ties are defined as in `keras_mix.metrics.RecallAtK`.

    Args:
        first: Floats `(N, D)`. Embeddings of the first modality.
        second: Floats `(N, D)`. Embeddings of the second modality.
        ids: Integers `(N,)`. Samples with equal ids match. Defaults to None: each sample matches
            only itself.
        k: Integer ≥ 1, or a list of them. Numbers of nearest candidates. Defaults to (1, 5, 10).
        direction: `"first_to_second"`, `"second_to_first"` or `"both"`, as in `RecallAtK`. Defaults
            to `"both"`.
        block_size: Integer ≥ 1. Number of queries in a block. Defaults to 1024.

    Returns:
        Dict from each k to the fraction of hits, a float.

    Raises:
        ValueError: If the embeddings differ in width or number, or an argument is out of range.

    Example:

    >>> first, second = np.eye(4), np.eye(4)[[0, 1, 3, 2]]
    >>> keras_mix.metrics.retrieval_recall(first, second, k=(1, 2))
    {1: 0.5, 2: 0.5}
    """
    numbers = k if isinstance(k, list | tuple) else (k,)
    numbers = [checks.integer("k", number, low=1) for number in numbers]
    checks.choice("direction", direction, DIRECTIONS)
    size = checks.integer("block_size", block_size, low=1)
    first, second = embedding_pairs.pair("retrieval_recall", "first, second", (first, second))
    ids = ops.arange(first.shape[0]) if ids is None else ids
    ids = _ids("retrieval_recall", ids, first)
    hits, ways = dict.fromkeys(numbers, 0), _ways(first, second, direction)
    for queries, candidates in ways:
        for start in range(0, first.shape[0], size):
            block = slice(start, start + size)
            before = _before(queries[block], candidates, ids[block], ids)
            for number in numbers:
                hits[number] += int(ops.sum(ops.cast(before < number, "int32")))
    total = first.shape[0] * len(ways)
    return {number: hit / total for number, hit in hits.items()}


def _ways(first, second, direction):
    """A list of (queries, candidates), unit vectors, for each direction that counts."""
    first, second = (embedding_pairs.unit(ops.cast(each, "float32")) for each in (first, second))
    ways = {"first_to_second": (first, second), "second_to_first": (second, first)}
    return [way for name, way in ways.items() if direction in (name, "both")]


def _before(queries, candidates, ids, candidate_ids):
    """int32 `(Q,)`, the number of other candidates that rank before each query's best match."""
    similarity = ops.matmul(queries, ops.transpose(candidates))
    matches = ids[:, None] == candidate_ids[None]
    best = ops.max(ops.where(matches, similarity, -2.0), axis=1, keepdims=True)
    before = ops.logical_and(ops.logical_not(matches), similarity >= best)
    return ops.sum(ops.cast(before, "int32"), axis=1)


def _ids(owner, y_true, first):
    y_true = ops.convert_to_tensor(y_true)
    if len(y_true.shape) == 3 and y_true.shape[1] == 2:
        y_true = packed_labels.dominant(y_true)
    column = is_column(y_true.shape)
    if not column or differ(y_true.shape[0], first.shape[0]):
        checks.reject(
            owner,
            "y_true",
            "must be ids (B,) or (B, 1), or packed (B, 2, S), one for each pair",
            f"{checks.described(y_true)} for {first.shape[0]} pairs",
        )
    return ops.reshape(y_true, [-1])
