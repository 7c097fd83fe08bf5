"""Columns of a table: continuous ones are blended, the others come from one source."""

import dataclasses

from keras_mix._core import checks, dtypes
from keras_mix._core.backend import xp
from keras_mix._core.batch.value_checks import check_whole
from keras_mix._core.leaf_names import entry, key
from keras_mix._core.leaves.rule import Rule
from keras_mix._core.plan.blending import blend, convert, precise


@dataclasses.dataclass(frozen=True)
class Columns(Rule):
    """The rule of a leaf that holds columns of a table. A region covers all columns of the table.

    Attributes:
        first: The index in the table of the leaf's first column.
        continuous: Tuple of bools, whether each column of the leaf is continuous. A leaf of one
            column may have a second axis, such as that of one-hot categories.
        dtype: The dtype of the result.
        categories: The number of categories for the one-hot encoding of ids, or None.
    """

    first: int
    continuous: tuple
    dtype: str
    categories: int | None = None
    group: str | None = dataclasses.field(default="columns", kw_only=True)

    @property
    def of_table(self):
        """Tuple of bools as `continuous`, for the columns of the table that the leaf holds."""
        return self.continuous

    def form(self, tensor):
        if self.categories is None:
            return convert(tensor, self.dtype)
        return xp.one_hot(xp.reshape(tensor, [-1]), self.categories, dtype=self.dtype)

    def mix(self, plan, pool):
        if self.categories is not None:
            pool = pool.map(self.form)
        own, other = pool.sources(plan)
        weight = _over(self._partner_weight(plan), own)
        if dtypes.of(weight) == "bool":
            return convert(xp.where(weight, other, own), self.dtype)
        if dtypes.is_floating(own):
            own, other = _filled(own, other, _over(plan.weights[:, 1:] > 0, own))
        if not any(self.continuous):
            return convert(xp.where(weight == 1, other, own), self.dtype)
        blended = convert(blend([precise(own), precise(other)], [None, weight]), self.dtype)
        if all(self.continuous):
            return blended
        taken = convert(xp.where(weight == 1, other, own), self.dtype)
        return xp.where(xp.constant(self.continuous), blended, taken)

    def _partner_weight(self, plan):
        """The weight of the partner in each column: bool or float `(B or 1, columns)`."""
        if plan.region is None:
            return plan.weights[:, 1:]
        (weights,) = plan.coverage_by_others()
        return weights[:, self.first : self.first + len(self.continuous)]


def _filled(own, other, mixed):
    """Both values; in mixed samples, a missing one (NaN) is replaced by the other."""
    own_missing, other_missing = xp.is_nan(own), xp.is_nan(other)
    return (
        xp.where(mixed & own_missing, other, own),
        xp.where(mixed & other_missing, own, other),
    )


def _over(weight, tensor):
    return weight if len(tensor.shape) == 2 else weight[:, 0]


def table_of(rules):
    """Tuple of bools, whether each column of a table is continuous, by the rules of its leaves."""
    columns = [rule.of_table for rule in rules if isinstance(rule, Columns)]
    return tuple(continuous for each in columns for continuous in each)


def bind(mixer, leaves):
    """Dict from the index of each leaf that holds columns of a table to its rule.

    Leaves that mark missing values are left out: see `missing_values`.
    """
    found, first = {}, 0
    marks = set(mixer.missing.values())
    for position, leaf in enumerate(leaves):
        if leaf.kind == "columns" and marks.isdisjoint({leaf.name, key(leaf.name)}):
            found[position] = _columns(mixer, leaf, first)
            first += len(found[position].continuous)
    _refuse_unknown_names(mixer, [leaf for leaf in leaves if leaf.kind == "columns"])
    return found


def _columns(mixer, leaf, first):
    kinds = _kinds_of(mixer, leaf)
    computed = mixer.compute_dtype
    categories = entry(mixer.one_hot, leaf.name)
    if categories is not None:
        _check_ids(mixer, leaf, categories)
        return Columns(first, (True,), computed, categories)
    if isinstance(kinds, tuple) or (leaf.name == "x" and len(leaf.tensor.shape) == 2):
        continuous = _of_matrix(mixer, leaf, kinds)
    else:
        continuous = (_is_continuous(leaf, kinds),)
    own = dtypes.of(leaf.tensor)
    if any(continuous) and own == "string":
        checks.reject(
            mixer.owner,
            leaf.name,
            "holds strings, which cannot be blended",
            checks.described(leaf.tensor),
            'Leave it "categorical", or convert it to ids with keras.layers.StringLookup.',
        )
    if mixer.cut or mixer.keep_dtype or not any(continuous):
        dtype = own
    elif all(continuous):
        dtype = computed
    else:
        # A narrower dtype may not hold the ids beside the numbers.
        dtype = own if dtypes.is_floating(own) else "float32"
    return Columns(first, continuous, dtype)


def _of_matrix(mixer, leaf, kinds):
    width = leaf.tensor.shape[1] if len(leaf.tensor.shape) == 2 else None
    if width is None:
        checks.reject(
            mixer.owner,
            leaf.name,
            "must be (B, F) with a known number of columns F to be a table",
            checks.described(leaf.tensor),
        )
    if not isinstance(kinds, tuple):
        return (_is_continuous(leaf, kinds),) * width
    if len(kinds) != width:
        checks.reject(
            mixer.owner,
            leaf.name,
            "must have one column for each entry of `columns`",
            f"`columns` of length {len(kinds)} for {checks.described(leaf.tensor)}",
        )
    return tuple(kind == "continuous" for kind in kinds)


def _is_continuous(leaf, kind):
    return dtypes.is_floating(leaf.tensor) if kind is None else kind == "continuous"


def _kinds_of(mixer, leaf):
    if isinstance(mixer.columns, tuple) and leaf.name != "x":
        checks.refuse(
            mixer.owner,
            "`columns` can be a list only for a single matrix (B, F)",
            f"an input named `{leaf.name}`",
            f'Name the columns: columns={{"{key(leaf.name)}": "continuous", …}}.',
        )
    if mixer.columns is None or isinstance(mixer.columns, tuple):
        return mixer.columns
    return entry(mixer.columns, leaf.name)


def _refuse_unknown_names(mixer, leaves):
    known = {name for leaf in leaves for name in (leaf.name, key(leaf.name))}
    options = {
        "columns": mixer.columns if isinstance(mixer.columns, dict) else (),
        "one_hot": mixer.one_hot,
        "missing": (*mixer.missing, *mixer.missing.values()),
    }
    for option, given in options.items():
        missing = [name for name in given if name not in known]
        if missing:
            checks.refuse(
                mixer.owner,
                f"`{option}` must name columns of the inputs",
                f"{missing}, where the columns are {sorted(key(leaf.name) for leaf in leaves)}",
            )


def _check_ids(mixer, leaf, categories):
    shape, dtype = leaf.tensor.shape, dtypes.of(leaf.tensor)
    if not dtypes.is_integer(dtype) or not (len(shape) == 1 or (len(shape) == 2 and shape[1] == 1)):
        checks.reject(
            mixer.owner,
            leaf.name,
            "must be integers (B,) or (B, 1) to be one-hot encoded",
            checks.described(leaf.tensor),
            "Convert strings to ids with keras.layers.StringLookup." * (dtype == "string"),
        )
    rule = f"must hold ids from 0 to {categories - 1}, the categories of `one_hot`"
    check_whole(mixer.owner, leaf, rule, "", 0, categories - 1)
