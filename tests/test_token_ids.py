"""Token ids: spans are cut, labels counted by real tokens, ends left alone.

A token's id tells its sample and its place: 100 · (sample + 1) + place, 0 for padding.
"""

import numpy as np
import pytest
import tensorflow as tf
from contract import seed_of

from keras_mix import layers
from keras_mix.layers import SequenceOptions

SIZE, LENGTH = 8, 12
LENGTHS = np.array([12, 7, 5, 3, 9, 12, 2, 10])
KINDS = {"ids": "token_ids", "segments": "token_ids", "mask": "masks"}
SEEDS = [(1, 2), (3, 4), (-5, 6), (7, 8), (9, 10)]
CLASS, END = 1, 2
OWN = 100 * (np.arange(SIZE)[:, None] + 1) + np.arange(LENGTH)

MIXERS = {
    "CutMix": lambda **kw: layers.CutMix(spatial_dims=1, **kw),
    "FMix": lambda **kw: layers.FMix(spatial_dims=1, **kw),
}
every_mixer = pytest.mark.parametrize("make", MIXERS.values(), ids=MIXERS)


def padded(left=False):
    real = np.arange(LENGTH) < LENGTHS[:, None]
    return np.where(real[:, ::-1] if left else real, OWN, 0)


def with_ends(left=False):
    """Each sequence with a token of its class first and one of its end last."""
    ids = padded(left)
    for row in ids:
        places = np.flatnonzero(row)
        row[places[0]], row[places[-1]] = CLASS, END
    return ids


def earned(ids):
    """float32 [B, B]: the labels that mixed token ids have earned, token by token."""
    labels = np.zeros((SIZE, SIZE), np.float32)
    for i, row in enumerate(ids):
        tokens = [token // 100 - 1 for token in row if token]
        for other in {*tokens} - {i}:
            labels[i, other] = np.float32(np.float64(tokens.count(other)) / len(tokens))
        labels[i, i] = np.float32(1) - labels[i].sum(dtype=np.float32)
    return labels


@every_mixer
@pytest.mark.parametrize("dtype", ["int32", "int64", "uint16"])
@pytest.mark.parametrize("told", ["padding_id", "dict", "mask"])
def test_labels_are_counted_by_real_tokens(make, told, dtype):
    ids = padded().astype(dtype)
    options = {
        "sequences": SequenceOptions(padding_id={"padding_id": 0, "dict": {"ids": 0}}.get(told))
    }
    x = {"ids": ids, "mask": ids != 0} if told == "mask" else {"ids": ids}
    layer, cut = make(num_classes=SIZE, kinds=KINDS, **options), 0
    for seed in SEEDS:
        mixed, y = layer(x, np.arange(SIZE), seed=seed_of(seed))
        found = mixed["ids"].numpy()
        assert found.dtype == dtype
        np.testing.assert_array_equal(y, earned(found))
        # No token leaves its place.
        np.testing.assert_array_equal((found % 100)[found > 0], (OWN % 100)[0][np.where(found)[1]])
        if told == "mask":
            np.testing.assert_array_equal(mixed["mask"], found != 0)
        cut += (y.numpy().max(axis=1) < 1).sum()
    assert cut > 10


@pytest.mark.parametrize(("mixer", "mode"), [("CutMix", "XLA"), ("FMix", "tf.data")])
def test_modes_agree(mixer, mode):
    layer = MIXERS[mixer](
        num_classes=SIZE,
        kinds=KINDS,
        sequences=SequenceOptions(padding_id=0, special_tokens=(1, 1)),
    )
    batch = {"ids": with_ends()}, np.arange(SIZE)
    expected = layer(batch, seed=seed_of())
    if mode == "tf.data":
        dataset = tf.data.Dataset.from_tensors(batch)
        found = next(iter(dataset.map(lambda x, y: layer(x, y, seed=seed_of()))))
    else:
        call = tf.function(layer, jit_compile=mode == "XLA")
        found = call(tf.nest.map_structure(tf.constant, batch), seed=seed_of())
    for one, other in zip(tf.nest.flatten(found), tf.nest.flatten(expected), strict=True):
        np.testing.assert_array_equal(one, other)


@every_mixer
@pytest.mark.parametrize("left", [False, True], ids=["padded behind", "padded before"])
@pytest.mark.parametrize("told", ["padding_id", "mask"])
def test_special_tokens_stay_and_sequences_stay_whole(make, left, told):
    ids = with_ends(left)
    layer = make(
        label_mode="pairs",
        kinds=KINDS,
        pairing="derange",
        sequences=SequenceOptions(
            padding_id=0 if told == "padding_id" else None, special_tokens=(1, 1)
        ),
    )
    x, cut = {"ids": ids} if told == "padding_id" else {"ids": ids, "mask": ids != 0}, 0
    for seed in SEEDS:
        mixed, pairs = layer(x, np.arange(SIZE), seed=seed_of(seed))
        found, weights = mixed["ids"].numpy(), pairs[:, 1].numpy()
        for number in (0, CLASS, END):
            np.testing.assert_array_equal(found == number, ids == number)
        other = (found // 100 - 1 != np.arange(SIZE)[:, None]) & (found > END)
        np.testing.assert_array_equal(weights[:, 1], np.float32(other.sum(1) / (ids > 0).sum(1)))
        cut += (weights[:, 1] > 0).sum()
    assert cut > 5


@every_mixer
def test_spans_may_be_kept_within_both_sequences(make):
    layer = make(
        num_classes=SIZE, kinds=KINDS, sequences=SequenceOptions(padding_id=0, special_tokens=0)
    )
    for seed in SEEDS:
        mixed, y = layer({"ids": padded()}, np.arange(SIZE), seed=seed_of(seed))
        np.testing.assert_array_equal(mixed["ids"].numpy() != 0, padded() != 0)
        np.testing.assert_array_equal(y, earned(mixed["ids"].numpy()))


def test_ends_of_sequences_without_padding():
    layer = MIXERS["CutMix"](
        num_classes=SIZE, kinds=KINDS, sequences=SequenceOptions(special_tokens=(2, 3))
    )
    for seed in SEEDS:
        mixed, y = layer({"ids": OWN}, np.arange(SIZE), seed=seed_of(seed))
        found = mixed["ids"].numpy()
        np.testing.assert_array_equal(found[:, :2], OWN[:, :2])
        np.testing.assert_array_equal(found[:, -3:], OWN[:, -3:])
        np.testing.assert_array_equal(y, earned(found))


def test_other_ids_are_cut_along():
    ids = padded()
    x = {"ids": ids, "segments": ids // 100}
    layer = MIXERS["CutMix"](kinds=KINDS, sequences=SequenceOptions(padding_id={"ids": 0}))
    mixed, _ = layer(x, np.eye(SIZE), seed=seed_of())
    np.testing.assert_array_equal(mixed["segments"], mixed["ids"].numpy() // 100)


def test_ids_alone_and_embeddings_beside_them():
    layer = MIXERS["CutMix"](kinds={"x": "token_ids", "ids": "token_ids"}, pairing="roll")
    alone = layer(OWN, seed=seed_of()).numpy()
    assert ((alone == OWN) | (alone == np.roll(OWN, -1, axis=0))).all()
    assert (alone != OWN).any()
    # Features (B, D) beside ids (B, L) are no sequence: they are blended.
    features = np.eye(SIZE, dtype="f4")
    x, y = layer({"features": features, "ids": OWN}, features, seed=seed_of())
    np.testing.assert_array_equal(x["ids"], alone)
    np.testing.assert_allclose(x["features"], y, atol=1e-6)


def test_tokens_are_filled_but_special_ones():
    layer = layers.Cutout(
        size=0.9,
        spatial_dims=1,
        fill_value=99,
        kinds=KINDS,
        sequences=SequenceOptions(padding_id=0, special_tokens=(1, 1)),
    )
    ids = with_ends()
    filled, y = layer({"ids": ids}, np.eye(SIZE), seed=seed_of())
    found = filled["ids"].numpy()
    assert ((found == ids) | ((found == 99) & (ids > END))).all()
    assert (found == 99).any()
    np.testing.assert_array_equal(y, np.eye(SIZE))


def test_partners_of_another_batch():
    layer = MIXERS["CutMix"](
        num_classes=2 * SIZE, kinds=KINDS, sequences=SequenceOptions(padding_id=0)
    )
    donors = {"ids": np.where(padded(), padded() + 100 * SIZE, 0)}, np.arange(SIZE, 2 * SIZE)
    x, y = layer(({"ids": padded()}, np.arange(SIZE)), partners=donors, seed=seed_of())
    ids = x["ids"].numpy()
    taken = (ids > 100 * SIZE + 99).sum(axis=1) / np.maximum((ids > 0).sum(axis=1), 1)
    np.testing.assert_array_equal(y.numpy()[:, SIZE:].sum(axis=1), np.float32(taken))


REFUSED = r"holds token ids, which cannot be blended.*ManifoldMixup\(model.*CutMix\(spatial_dims=1"


@pytest.mark.parametrize(
    "layer",
    [
        layers.MixUp(kinds=KINDS),
        layers.FMix(spatial_dims=1, max_soft=0.2, kinds=KINDS),
        layers.RandomChoice([layers.MixUp(), layers.CutMix(spatial_dims=1)], kinds=KINDS),
    ],
    ids=lambda layer: layer.owner,
)
def test_blends_of_ids(layer):
    with pytest.raises(ValueError, match=rf"^{layer.owner}: `x/ids` {REFUSED}"):
        layer({"ids": OWN}, np.eye(SIZE))


def test_ids_beside_images():
    x = {"ids": OWN, "image": np.zeros((SIZE, 6, 5, 3), "f4")}
    with pytest.raises(ValueError, match=r"CutMix: `x/ids` holds token ids, .* or cut along two"):
        layers.CutMix(kinds=KINDS)(x, np.eye(SIZE))


@pytest.mark.parametrize("ids", [OWN[..., None], OWN.astype("float32")], ids=["rank", "dtype"])
def test_what_are_no_ids(ids):
    with pytest.raises(ValueError, match=r"must be integers \(B, L\) to be token ids"):
        MIXERS["CutMix"](kinds=KINDS)({"ids": ids}, np.eye(SIZE))


def test_ids_have_no_mean():
    layer = layers.Cutout(size=3, spatial_dims=1, fill_value="mean", kinds=KINDS)
    with pytest.raises(
        ValueError, match=r"ids cannot be filled with their mean. Received: fill_value="
    ):
        layer({"ids": OWN}, np.eye(SIZE))


def test_ids_that_no_kind_is_named_for():
    with pytest.raises(ValueError, match=r"mix the embedding, or cut token ids by kinds=\{\"x/ids"):
        layers.CutMix(spatial_dims=1)({"ids": OWN}, np.eye(SIZE))
