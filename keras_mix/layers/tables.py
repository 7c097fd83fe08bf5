"""The columns of a table among the leaves of a batch, and how each of them is treated."""

import tensorflow as tf

from keras_mix import checks
from keras_mix.columns import Columns
from keras_mix.leaves import Spec
from keras_mix.naming import entry, key
from keras_mix.value_checks import check_whole


def table_of(mixer, leaves):
    """Of each column of a batch's table whether it is continuous; None for other mixers."""
    if not mixer.mixes_tables:
        return None
    laid = [columns for columns in layout(mixer, leaves) if columns]
    return tuple(continuous for columns in laid for continuous in columns.continuous)


def layout(mixer, leaves):
    """For each leaf its `Columns`, or None where it is none of a table."""
    found, first = [], 0
    for leaf in leaves:
        columns = None
        if leaf.kind == "columns":
            columns = _columns(mixer, leaf, first)
            first += len(columns.continuous)
        found.append(columns)
    if mixer.mixes_tables:
        _refuse_unknown_names(mixer, [leaf for leaf in leaves if leaf.kind == "columns"])
    return found


def spec_of_columns(mixer, leaf, columns):
    """The Spec of a leaf of a table."""
    own, computed = leaf.tensor.dtype, tf.as_dtype(mixer.compute_dtype)
    if columns.categories is not None:
        dtype = computed
    elif mixer.cut or mixer.keep_dtype or not any(columns.continuous):
        dtype = own
    elif all(columns.continuous):
        dtype = computed
    else:
        # Ids beside numbers, which a narrower dtype could not hold.
        dtype = own if own.is_floating else tf.float32
    return Spec("columns", dtype=dtype, columns=columns)


def _columns(mixer, leaf, first):
    kinds = _kinds_of(mixer, leaf)
    categories = entry(mixer.one_hot, leaf.name)
    if categories is not None:
        _check_ids(mixer, leaf, categories)
        return Columns(first, (True,), categories)
    if isinstance(kinds, tuple) or (leaf.name == "x" and leaf.tensor.shape.rank == 2):
        continuous = _of_matrix(mixer, leaf, kinds)
    else:
        continuous = (_is_continuous(leaf, kinds),)
    if any(continuous) and leaf.tensor.dtype == tf.string:
        checks.reject(
            mixer.owner,
            leaf.name,
            "holds strings, which cannot be blended without a lookup",
            checks.described(leaf.tensor),
            'Leave it "categorical", or give its ids: keras.layers.StringLookup.',
        )
    return Columns(first, continuous)


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
