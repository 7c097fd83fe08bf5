"""Columns of a table: continuous ones are blended, the others taken whole from one source."""

import dataclasses

import tensorflow as tf

from keras_mix._core import checks
from keras_mix._core.batch.value_checks import check_whole
from keras_mix._core.leaf_names import entry, key
from keras_mix._core.leaves.rule import Rule
from keras_mix._core.plan.blending import blend, convert, precise


@dataclasses.dataclass(frozen=True)
class Columns(Rule):
    """The rule of a leaf that holds columns of a table, whose plan has a region over all columns.

    Attributes:
        first: The number of its first column among all of the table's.
        continuous: A tuple, of each of its columns whether it is continuous. A leaf of one column
            may be wider than one number, as one-hot categories are.
        dtype: The dtype of the result.
        categories: The number of categories that ids are one-hot encoded with, or None.
    """

    first: int
    continuous: tuple
    dtype: tf.DType
    categories: int | None = None
    group: str | None = dataclasses.field(default="columns", kw_only=True)

    def form(self, tensor):
        if self.categories is None:
            return convert(tensor, self.dtype)
        return tf.one_hot(tf.reshape(tensor, [-1]), self.categories, dtype=self.dtype)

    def mix(self, plan, pool):
        if self.categories is not None:
            pool = pool.map(self.form)
        own, other = pool.sources(plan)
        share = _over(self._share(plan), own)
        if share.dtype == tf.bool:
            return convert(tf.where(share, other, own), self.dtype)
        if own.dtype.is_floating:
            own, other = _filled(own, other, _over(plan.weights[:, 1:] > 0, own))
        if not any(self.continuous):
            return convert(tf.where(share == 1, other, own), self.dtype)
        blended = convert(blend([precise(own), precise(other)], [None, share]), self.dtype)
        if all(self.continuous):
            return blended
        taken = convert(tf.where(share == 1, other, own), self.dtype)
        return tf.where(tf.constant(self.continuous), blended, taken)

    def _share(self, plan):
        """How much of each column is the partner's: bool or float `(B or 1, columns)`."""
        if plan.region is None:
            return plan.weights[:, 1:]
        (share,) = plan.coverage_by_others()
        return share[:, self.first : self.first + len(self.continuous)]


def _filled(own, other, mixed):
    """Of mixed samples both values, each standing in for the other where that is missing."""
    own_misses, other_misses = tf.math.is_nan(own), tf.math.is_nan(other)
    return (
        tf.where(mixed & own_misses, other, own),
        tf.where(mixed & other_misses, own, other),
    )


def _over(share, tensor):
    return share if tensor.shape.rank == 2 else share[:, 0]


def table_of(rules):
    """Of each column of a table whether it is continuous, a tuple; from the rules of its leaves."""
    laid = [rule.continuous for rule in rules if isinstance(rule, Columns)]
    return tuple(continuous for each in laid for continuous in each)


def bind(mixer, leaves):
    """Dict from the position of each leaf that holds columns of a table to its rule."""
    found, first = {}, 0
    for position, leaf in enumerate(leaves):
        if leaf.kind == "columns":
            found[position] = _columns(mixer, leaf, first)
            first += len(found[position].continuous)
    _refuse_unknown_names(mixer, [leaf for leaf in leaves if leaf.kind == "columns"])
    return found


def _columns(mixer, leaf, first):
    kinds = _kinds_of(mixer, leaf)
    computed = tf.as_dtype(mixer.compute_dtype)
    categories = entry(mixer.one_hot, leaf.name)
    if categories is not None:
        _check_ids(mixer, leaf, categories)
        return Columns(first, (True,), computed, categories)
    if isinstance(kinds, tuple) or (leaf.name == "x" and leaf.tensor.shape.rank == 2):
        continuous = _of_matrix(mixer, leaf, kinds)
    else:
        continuous = (_is_continuous(leaf, kinds),)
    own = leaf.tensor.dtype
    if any(continuous) and own == tf.string:
        checks.reject(
            mixer.owner,
            leaf.name,
            "holds strings, which cannot be blended without a lookup",
            checks.described(leaf.tensor),
            'Leave it "categorical", or give its ids: keras.layers.StringLookup.',
        )
    if mixer.cut or mixer.keep_dtype or not any(continuous):
        dtype = own
    elif all(continuous):
        dtype = computed
    else:
        # Ids beside numbers, which a narrower dtype could not hold.
        dtype = own if own.is_floating else tf.float32
    return Columns(first, continuous, dtype)


def _of_matrix(mixer, leaf, kinds):
    width = leaf.tensor.shape[1] if leaf.tensor.shape.rank == 2 else None
    if width is None:
        checks.reject(
            mixer.owner,
            leaf.name,
            "as a table must be (B, F) with a known number of columns F",
            checks.described(leaf.tensor),
        )
    if not isinstance(kinds, tuple):
        return (_is_continuous(leaf, kinds),) * width
    if len(kinds) != width:
        checks.reject(
            mixer.owner,
            leaf.name,
            "must have as many columns as `columns` has kinds",
            f"{len(kinds)} kinds beside {checks.described(leaf.tensor)}",
        )
    return tuple(kind == "continuous" for kind in kinds)


def _is_continuous(leaf, kind):
    return leaf.tensor.dtype.is_floating if kind is None else kind == "continuous"


def _kinds_of(mixer, leaf):
    if isinstance(mixer.columns, tuple) and leaf.name != "x":
        checks.refuse(
            mixer.owner,
            "`columns` as a list is for one matrix (B, F)",
            f"an input named `{leaf.name}`",
            f'Name the columns: columns={{"{key(leaf.name)}": "continuous", …}}.',
        )
    if mixer.columns is None or isinstance(mixer.columns, tuple):
        return mixer.columns
    return entry(mixer.columns, leaf.name)


def _refuse_unknown_names(mixer, leaves):
    known = {name for leaf in leaves for name in (leaf.name, key(leaf.name))}
    for option, given in (("columns", mixer.columns), ("one_hot", mixer.one_hot)):
        missing = [name for name in given or () if isinstance(given, dict) and name not in known]
        if missing:
            checks.refuse(
                mixer.owner,
                f"`{option}` must name columns of the inputs",
                f"{missing} beside {sorted(key(leaf.name) for leaf in leaves)}",
            )


def _check_ids(mixer, leaf, categories):
    shape, dtype = leaf.tensor.shape, leaf.tensor.dtype
    if not dtype.is_integer or not (shape.rank == 1 or (shape.rank == 2 and shape[1] == 1)):
        checks.reject(
            mixer.owner,
            leaf.name,
            "is one-hot encoded from integers (B,) or (B, 1)",
            checks.described(leaf.tensor),
            "Look strings up first: keras.layers.StringLookup." * (dtype == tf.string),
        )
    rule = f"must hold ids from 0 to {categories - 1}, as `one_hot` says"
    check_whole(mixer.owner, leaf, rule, "", 0, categories - 1)
