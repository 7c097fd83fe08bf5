"""TabularMix: tables of numbers, ids and strings. The laws of all: test_contract_*."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from contract import SEEDS, bits, seed_of
from scipy import stats

from keras_mix import data
from keras_mix.layers import CutMix, MixUp, RandomApply, TabularMix
from keras_mix.models import MixingModel
from keras_mix.pairings import ByClass

UNLIKELY = 1e-4
SIZE = 12
IDS = np.arange(SIZE)


def table(size=SIZE, strings=True):
    """Every column's value names its sample."""
    own = np.arange(size)
    columns = {
        "age": own.astype("float32"),
        "income": 100.0 * own[:, None],
        "job": own,
        "flag": own[:, None].astype("int32"),
        "code": np.eye(size, dtype="float32"),
    }
    if strings:
        columns["town"] = np.array([f"t{i}" for i in own])
    return columns


KINDS = {"code": "categorical"}


def make(**options):
    given = {"alpha": 8.0, "num_classes": SIZE, "pairing": "derange", "columns": KINDS, **options}
    return TabularMix(**given)


def sources_of(mixed):
    """int [B, columns], which sample each categorical column came from."""
    taken = [
        mixed["job"].numpy(),
        mixed["flag"].numpy()[:, 0],
        mixed["code"].numpy().argmax(axis=1),
    ]
    if "town" in mixed:
        taken.append([int(name[1:]) for name in mixed["town"].numpy().astype(str)])
    return np.stack(taken, axis=1)


def partner_and_share(labels):
    """The partner of each sample and the sample's own share, read from its label."""
    labels = labels.numpy()
    share = labels[IDS, IDS]
    others = labels * (1 - np.eye(SIZE))
    return np.where(share < 1, others.argmax(axis=1), IDS), share


@pytest.mark.parametrize("per", ["sample", "batch"])
@pytest.mark.parametrize("seed", SEEDS[:3])
def test_columns_are_blended_or_taken_by_one_plan(seed, per):
    mixed, labels = make(per=per)(table(), IDS, seed=seed_of(seed))
    partner, share = partner_and_share(labels)
    blended = share * IDS + (1 - share) * partner
    np.testing.assert_allclose(mixed["age"], blended, rtol=1e-5)
    np.testing.assert_allclose(mixed["income"][:, 0], 100 * blended, rtol=1e-5)
    taken = sources_of(mixed)
    assert ((taken == IDS[:, None]) | (taken == partner[:, None])).all()
    assert (taken == partner[:, None]).any()
    assert (taken == IDS[:, None]).any()
    # A column of several numbers comes from one source as a whole.
    assert (mixed["code"].numpy().sum(axis=1) == 1).all()
    types = {name: tensor.dtype.name for name, tensor in mixed.items()}
    assert types == {
        "age": "float32",
        "income": "float32",
        "job": "int64",
        "flag": "int32",
        "code": "float32",
        "town": "string",
    }
    assert {name: t.shape for name, t in mixed.items()} == {
        name: a.shape for name, a in table().items()
    }


def test_one_draw_for_the_batch_is_one_for_all_rows():
    mixed, labels = make(per="batch", pairing="roll")(table(), IDS, seed=seed_of())
    partner, _ = partner_and_share(labels)
    taken = sources_of(mixed) == partner[:, None]
    assert (taken == taken[:1]).all()


def test_categories_are_taken_with_the_partners_weight_each_by_itself():
    size = 4000
    x = {"one": np.arange(size), "two": np.arange(size), "age": np.arange(size, dtype="f4")}
    layer = TabularMix(alpha=1.0, label_mode="pairs", pairing="roll")
    mixed, pairs = layer(x, np.arange(size), seed=seed_of())
    weight = pairs.numpy()[:, 1, 1].astype("float64")
    one, two = (mixed[name].numpy() != np.arange(size) for name in ("one", "two"))
    error = np.sqrt((weight * (1 - weight)).sum())
    for taken in (one, two):
        assert abs(taken.sum() - weight.sum()) < 4.5 * error
        # Given λ: of those with about the same weight, about that share.
        for low in (0.0, 0.25, 0.5, 0.75):
            some = (weight >= low) & (weight < low + 0.25)
            error_of_some = np.sqrt((weight * (1 - weight))[some].sum())
            assert abs(taken[some].sum() - weight[some].sum()) < 4.5 * error_of_some
    residual = (one - weight) * (two - weight)
    assert abs(residual.mean()) < 4.5 * residual.std() / np.sqrt(size)


@pytest.mark.parametrize("per", ["sample", "batch"])
def test_cut_swaps_columns_and_counts_them(per):
    x = table()
    for seed in SEEDS[:3]:
        mixed, labels = make(cut=True, alpha=1.0, per=per)(x, IDS, seed=seed_of(seed))
        taken = np.concatenate(
            [
                sources_of(mixed),
                mixed["age"].numpy()[:, None].astype(int),
                (mixed["income"].numpy() / 100).astype(int),
            ],
            axis=1,
        )
        expected = np.zeros((SIZE, SIZE))
        np.add.at(expected, (np.repeat(IDS, 6), taken.ravel()), 1 / 6)
        np.testing.assert_allclose(labels, expected, atol=1e-6)
    assert mixed["income"].dtype == tf.float64


def test_cut_takes_columns_with_the_partners_weight():
    size, width = 3000, 9
    x = np.tile(np.arange(size, dtype="f4")[:, None], (1, width))
    layer = TabularMix(alpha=1.0, label_mode="pairs", pairing="roll", cut=True)
    mixed, pairs = layer(x, np.arange(size), seed=seed_of())
    counts = (mixed.numpy() != x).sum(axis=1)
    np.testing.assert_allclose(pairs[:, 1, 1], counts / width, atol=1e-6)
    # λ is uniform, so every number of columns is as likely.
    assert stats.chisquare(np.bincount(counts, minlength=width + 1)).pvalue > UNLIKELY


# Matrices.


MATRIX = np.tile(np.arange(SIZE, dtype="float32")[:, None], (1, 5))
COLUMNS = ["continuous", "categorical", "continuous", "categorical", "categorical"]


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "float16"])
def test_a_matrix_with_kinds_of_columns(dtype):
    layer = make(columns=COLUMNS, dtype="mixed_bfloat16")
    mixed, labels = layer(MATRIX.astype(dtype), IDS, seed=seed_of())
    assert mixed.dtype == ("float32" if dtype == "int32" else dtype)
    partner, share = partner_and_share(labels)
    blended = share * IDS + (1 - share) * partner
    np.testing.assert_allclose(mixed[:, ::2][:, :2], np.stack([blended] * 2, axis=1), rtol=1e-3)
    taken = mixed.numpy()[:, [1, 3, 4]]
    assert ((taken == IDS[:, None]) | (taken == partner[:, None])).all()
    assert len(np.unique(taken == IDS[:, None], axis=0)) > 3


def test_a_matrix_without_kinds_is_mixed_as_by_mixup():
    options = {"alpha": 1.0, "num_classes": SIZE}
    found = TabularMix(**options)(MATRIX, IDS, seed=seed_of())
    expected = MixUp(**options)(MATRIX, IDS, seed=seed_of())
    partner, share = partner_and_share(found[1])
    np.testing.assert_allclose(found[0][:, 0], share * IDS + (1 - share) * partner, rtol=1e-5)
    assert found[0].dtype == expected[0].dtype


def test_a_matrix_of_integers_is_taken_whole_column_by_column():
    mixed, labels = make(columns=None)(MATRIX.astype("int64"), IDS, seed=seed_of())
    partner, _ = partner_and_share(labels)
    assert mixed.dtype == tf.int64
    assert np.logical_or(mixed == IDS[:, None], mixed == partner[:, None]).all()


def test_a_matrix_in_a_dict_beside_an_image():
    x = {"table": MATRIX, "image": np.tile(MATRIX[:, :, None, None], (1, 1, 4, 1))}
    layer = make(columns={"table": COLUMNS})
    mixed, labels = layer(x, IDS, seed=seed_of())
    partner, share = partner_and_share(labels)
    blended = share * IDS + (1 - share) * partner
    np.testing.assert_allclose(mixed["table"][:, 0], blended, rtol=1e-5)
    np.testing.assert_allclose(mixed["image"][:, 0, 0, 0], blended, rtol=1e-5)
    assert not np.allclose(mixed["table"][:, 1], blended)


# One-hot categories, missing values, integers as numbers.


@pytest.mark.parametrize("shape", [(SIZE,), (SIZE, 1)])
def test_ids_are_one_hot_encoded_and_blended(shape):
    x = {"job": IDS.reshape(shape) % 4, "age": IDS.astype("f4")}
    layer = make(columns=None, one_hot={"job": 4})
    mixed, labels = layer(x, IDS, seed=seed_of())
    expected = labels.numpy() @ np.eye(4)[IDS % 4]
    np.testing.assert_allclose(mixed["job"], expected, atol=1e-6)
    plain, _ = layer(x, IDS, training=False)
    np.testing.assert_array_equal(plain["job"], np.eye(4)[IDS % 4])


def test_integers_may_be_numbers():
    mixed, labels = make(columns={"x": "continuous"})(IDS.astype("int32"), IDS, seed=seed_of())
    partner, share = partner_and_share(labels)
    np.testing.assert_allclose(mixed, share * IDS + (1 - share) * partner, rtol=1e-5)


def test_who_misses_a_value_takes_the_others():
    nan = np.nan
    x = np.array([[1, nan, nan, 4], [nan, 20, nan, 40]], "float32")
    for kinds in (["continuous"] * 4, ["categorical"] * 4):
        layer = TabularMix(alpha=8.0, pairing="derange", columns=kinds)
        mixed, y = layer(x, np.array([0.0, 1.0], "f4"), seed=seed_of())
        np.testing.assert_array_equal(mixed[:, :3], [[1, 20, nan]] * 2)
        assert ((mixed[:, 3] >= 4) & (mixed[:, 3] <= 40)).numpy().all()
        # The rest of the row and the label are mixed as ever.
        if kinds[0] == "continuous":
            np.testing.assert_allclose(mixed[:, 3], 4 + 36 * y, rtol=1e-5)


def test_cut_swaps_what_is_missing_like_a_value():
    x = np.tile(np.arange(SIZE, dtype="f4")[:, None], (1, 8))
    x[5] = np.nan
    mixed, labels = make(cut=True, alpha=1.0, columns=None)(x, IDS, seed=seed_of())
    np.testing.assert_allclose(np.isnan(mixed).mean(axis=1), labels[:, 5], atol=1e-6)


MISSING = np.random.default_rng(3).random((SIZE, 4)) < 0.4
VALUES = np.random.default_rng(4).normal(size=(SIZE, 4)).astype("float32")
MARKED = {"table": np.where(MISSING, np.float32(-99), VALUES), "gone": MISSING}
HOLES = {"table": np.where(MISSING, np.float32(np.nan), VALUES)}


def reversed_rows(x):
    return {name: column[::-1] for name, column in x.items()}


@pytest.mark.parametrize("kinds", [["continuous"] * 4, ["continuous", "categorical"] * 2])
@pytest.mark.parametrize(
    "options", [{}, {"per": "batch"}, {"rate": 0.5}, {"cut": True}, {"second": True}], ids=str
)
def test_what_is_marked_as_missing_is_mixed_as_nan(kinds, options):
    """The same table with NaN has the same values, and NaN where a value is marked."""
    options = dict(options)
    second = options.pop("second", False)
    layer = {"alpha": 8.0, "columns": {"table": kinds}, **options}
    calls = [(TabularMix(missing={"table": "gone"}, **layer), MARKED), (TabularMix(**layer), HOLES)]
    y = IDS / SIZE
    marked, holes = (
        mixer(x, y, partners=(reversed_rows(x), y[::-1]) if second else None, seed=seed_of())[0]
        for mixer, x in calls
    )
    assert marked["gone"].dtype == tf.bool
    np.testing.assert_array_equal(marked["gone"], np.isnan(holes["table"]))
    assert (marked["gone"].numpy() != MISSING).any()
    present = ~marked["gone"].numpy()
    np.testing.assert_array_equal(marked["table"].numpy()[present], holes["table"].numpy()[present])


@pytest.mark.parametrize("dtype", ["int64", "bool", "float32"])
def test_integers_and_strings_may_be_marked(dtype):
    gone = (IDS % 3 == 0).astype(dtype)
    x = {**table(), "no_job": gone, "no_town": gone[:, None].astype("int32")}
    layer = make(missing={"job": "no_job", "town": "no_town"})
    mixed, labels = tf.function(layer)(x, IDS, seed=seed_of())
    partner, _ = partner_and_share(labels)
    both = gone.astype(bool) & gone.astype(bool)[partner]
    np.testing.assert_array_equal(mixed["no_job"], both.astype(dtype))
    np.testing.assert_array_equal(mixed["no_town"][:, 0], both)
    taken = mixed["job"].numpy()
    assert not gone.astype(bool)[taken][~both].any()
    assert (taken != IDS).any()


@pytest.mark.parametrize("options", [{"alpha": 0}, {"rate": 0}, {"alpha": 0, "cut": True}])
def test_what_is_not_mixed_keeps_every_bit(options):
    x = {"age": np.array([0.0, -0.0, np.nan, np.inf], "f4"), "town": np.array(list("abcd"))}
    others = {"age": np.ones(4, "f4"), "town": np.array(list("efgh"))}
    layer = TabularMix(**options)
    for partners in (None, (others, IDS[:4].astype("f4"))):
        mixed, _ = layer(x, IDS[:4].astype("f4"), partners=partners, seed=seed_of())
        np.testing.assert_array_equal(bits(mixed["age"].numpy()), bits(x["age"]))
        assert mixed["town"].numpy().astype(str).tolist() == x["town"].tolist()


# Modes and forms.


@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize("mode", ["plain graph", "all in XLA", "tf.data"])
def test_the_same_in_every_mode(mode, cut):
    layer = make(cut=cut, rate=0.8, pairing=ByClass("different"))
    batch = table(strings=mode != "all in XLA"), IDS
    eager = layer(batch, seed=seed_of())
    if mode == "tf.data":
        dataset = tf.data.Dataset.from_tensor_slices(batch).batch(SIZE)
        found = next(iter(dataset.map(lambda x, y: layer(x, y, seed=seed_of()))))
    else:
        mix = tf.function(layer, jit_compile=mode == "all in XLA")
        found = mix(tf.nest.map_structure(tf.constant, batch), seed=seed_of())
    tf.nest.assert_same_structure(found, eager)
    for one, other in zip(tf.nest.flatten(found), tf.nest.flatten(eager), strict=True):
        if other.dtype.is_floating and not cut:
            np.testing.assert_allclose(one, other, rtol=1e-5)
        else:
            np.testing.assert_array_equal(one, other)


def test_partners_from_a_second_table():
    others = {name: column[::-1] for name, column in table().items()}
    mixed, labels = make(pairing="roll")(
        (table(), IDS), partners=(others, IDS[::-1]), seed=seed_of()
    )
    partner, share = partner_and_share(labels)
    np.testing.assert_allclose(mixed["age"], share * IDS + (1 - share) * partner, rtol=1e-5)
    taken = sources_of(mixed)
    assert ((taken == IDS[:, None]) | (taken == partner[:, None])).all()


def test_a_feature_space_takes_what_comes_out():
    x = {
        "age": np.random.default_rng(0).normal(size=60).astype("f4"),
        "job": np.arange(60) % 5,
        "town": np.array(["a", "b", "c"])[np.arange(60) % 3],
    }
    y = np.arange(60) % 2
    source = tf.data.Dataset.from_tensor_slices((x, y))
    space = keras.utils.FeatureSpace(
        {"age": "float_normalized", "job": "integer_categorical", "town": "string_categorical"},
        output_mode="dict",
    )
    space.adapt(source.map(lambda x, y: x))
    layer = TabularMix(alpha=1.0, num_classes=2)
    before = data.mix(source.batch(20), layer, seed=1).map(lambda x, y: (space(x), y))
    kinds = TabularMix(alpha=1.0, num_classes=2, columns={"town": "categorical"})
    after = data.mix(source.batch(20).map(lambda x, y: (space(x), y)), kinds, seed=1)
    for dataset in (before, after):
        for columns, labels in dataset:
            assert columns["town"].shape == (20, 4)
            assert (np.max(columns["town"], axis=1) == 1).all()
            np.testing.assert_allclose(np.sum(labels, axis=1), 1, rtol=1e-6)


def test_a_model_learns_from_a_mixed_table():
    x = np.random.default_rng(0).normal(size=(64, 5)).astype("f4")
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1)])
    mixing = MixingModel(model, mixer=TabularMix(1.0, columns=COLUMNS))
    mixing.compile("sgd", "mse")
    assert np.isfinite(mixing.fit(x, x[:, 0], verbose=0).history["loss"]).all()


def test_config_makes_an_equal_layer():
    for columns in (COLUMNS, {"job": "categorical", "table": COLUMNS}):
        layer = make(columns=columns, one_hot={"job": 4}, cut=True)
        config = layer.get_config()
        assert config["columns"] == columns
        assert TabularMix.from_config(json.loads(json.dumps(config))).get_config() == config


# Refusals.


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"alpha": -1}, r"`alpha` must be a finite number of at least 0"),
        ({"columns": "numbers"}, r"`columns` must name kinds of columns, each one of \['cont"),
        ({"columns": ["continuous", "ordinal"]}, r"Received: columns=\['continuous', 'ordinal'\]"),
        (
            {"columns": {"job": "ordinal"}},
            r"each one of .*'categorical'\]. .*ordinal",
        ),
        ({"columns": 3}, r"`columns` must name kinds of columns"),
        ({"one_hot": {"job": 1}}, r"`one_hot` must be an integer of at least 2"),
        (
            {"missing": {"age": "gone", "job": "gone"}},
            r"TabularMix: `missing` .*'gone' is named",
        ),
        ({"missing": {"age": "job"}, "one_hot": {"job": 3}}, r"'job' is named twice"),
    ],
)
def test_an_option_out_of_range(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        TabularMix(**options)


@pytest.mark.parametrize(
    ("options", "x", "sentence"),
    [
        (
            {"columns": {"jobb": "categorical"}},
            table(),
            r"`columns` must name .*\['jobb'\]",
        ),
        ({"one_hot": {"jobb": 3}}, table(), r"`one_hot` must name columns of the inputs"),
        ({"columns": COLUMNS}, table(), r"`columns` can be a list only for a single matrix"),
        (
            {"columns": COLUMNS[:4]},
            MATRIX,
            r"one column for each entry of `columns`. .*length 4 for",
        ),
        (
            {"columns": {"town": "continuous"}},
            table(),
            r"`x/town` holds strings, which cannot be blended. .*StringLookup",
        ),
        ({"one_hot": {"town": 3}}, table(), r"to be one-hot encoded. Received: .*StringLookup"),
        (
            {"one_hot": {"age": 3}},
            table(),
            r"must be integers \(B,\) or \(B, 1\) to be one-hot",
        ),
        ({"one_hot": {"job": 3}}, table(), r"must hold ids from 0 to 2, the categories of `o.*11"),
        ({"cut": True}, np.zeros((4, 3, 3, 1), "f4"), r"cut=True needs a table"),
        ({"missing": {"age": "gone"}}, table(), r"`missing` must name columns .*\['gone'\]"),
        (
            {"missing": {"age": "code"}},
            table(),
            r"`x/code` must mark each missing value of `x/age` by True or 1\. .*\(12, 12\)",
        ),
    ],
)
def test_a_table_that_does_not_fit(options, x, sentence):
    size = len(tf.nest.flatten(x)[0])
    with pytest.raises(ValueError, match=sentence):
        TabularMix(**options)(x, np.arange(size, dtype="f4"))


def test_a_matrix_of_unknown_width():
    layer = TabularMix()
    graph = tf.function(layer, input_signature=[tf.TensorSpec([None, None])], autograph=False)
    with pytest.raises(ValueError, match=r"must be \(B, F\) with a known number of columns"):
        graph(tf.ones([4, 3]))


def test_other_mixers_refuse_strings_and_tables_among_others():
    with pytest.raises(ValueError, match=r"has dtype string, which cannot be mixed.*TabularMix"):
        MixUp()({"town": np.array(["a", "b"])}, np.zeros(2, "f4"))
    with pytest.raises(ValueError, match=r"how each column is treated"):
        RandomApply(TabularMix())
    with pytest.raises(ValueError, match=r"must have 2 spatial|height and width"):
        CutMix()({"age": np.zeros(2, "f4")}, np.zeros(2, "f4"))
