"""MixGen: what a pair of image and text becomes, against loops in Python."""

import numpy as np
import pytest
import tensorflow as tf

from keras_mix import data
from keras_mix.layers import MixGen, SequenceOptions

SEED = tf.constant([3, 4])
SIZE = 6
IMAGES = np.random.default_rng(0).random((SIZE, 4, 5, 3), "float32")
WORDS = np.array(["a dog", "ein Hund", "", "θάλασσα", "two  cats", "x"])
IDS = np.array(
    [[7, 5, 8, 0], [7, 8, 0, 0], [0, 0, 0, 0], [7, 1, 2, 8], [5, 0, 6, 0], [7, 3, 0, 0]], "int32"
)


def pairs(text=WORDS):
    return {"images": IMAGES, "text": text}


def tokens_of(row):
    """The tokens of a row, up to the last that is no padding."""
    real = [place for place, token in enumerate(row) if token != 0]
    return list(row[: real[-1] + 1]) if real else []


def joined_ids(own, other, length, start, end):
    first, second = tokens_of(own), tokens_of(other)
    if second:
        if end is not None and first and first[-1] == end:
            first = first[:-1]
        if start is not None and len(tokens_of(own)) > 0 and second[0] == start:
            second = second[1:]
    row = first + second
    if len(row) > length and end is not None:
        row = [*row[: length - 1], end]
    return (row + [0] * length)[:length]


def test_images_are_halved_and_texts_follow_their_partners():
    layer = MixGen(texts=["text"], pairing="derange")
    mixed = layer(pairs(), seed=SEED)
    partners = layer.plan(IMAGES, SEED).sources[:, 1].numpy()
    assert (partners != np.arange(SIZE)).all()
    np.testing.assert_allclose(mixed["images"], (IMAGES + IMAGES[partners]) / 2, atol=1e-6)
    expected = [" ".join(w for w in (WORDS[i], WORDS[partners[i]]) if w) for i in range(SIZE)]
    assert [text.decode() for text in mixed["text"].numpy()] == expected


@pytest.mark.parametrize("ratio", [0.5, 0.9])
def test_the_ratio_is_fixed(ratio):
    layer = MixGen(mixing_weight=ratio, pairing="roll")
    mixed = layer(IMAGES, seed=SEED)
    expected = ratio * IMAGES + (1 - ratio) * np.roll(IMAGES, -1, axis=0)
    np.testing.assert_allclose(mixed, expected, atol=1e-6)


@pytest.mark.parametrize("length", [None, 3, 6])
@pytest.mark.parametrize(("start", "end"), [(None, None), (7, None), (None, 8), (7, 8)])
@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_token_ids_are_put_together_as_in_a_loop(dtype, start, end, length):
    layer = MixGen(texts=["text"], max_length=length, start_id=start, end_id=end, pairing="roll")
    found = layer(pairs(IDS.astype(dtype)), seed=SEED)["text"]
    expected = [
        joined_ids(IDS[i], IDS[(i + 1) % SIZE], length or 8, start, end) for i in range(SIZE)
    ]
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == dtype
    assert found.shape == (SIZE, length or 8)


def test_another_padding():
    ids = np.array([[1, 9, 9], [0, 2, 9]])
    found = MixGen(texts=["text"], sequences=SequenceOptions(padding_id=9), pairing="reverse")(
        {"images": IMAGES[:2], "text": ids}, seed=SEED
    )
    np.testing.assert_array_equal(found["text"], [[1, 0, 2, 9, 9, 9], [0, 2, 1, 9, 9, 9]])


@pytest.mark.parametrize("text", [WORDS, WORDS[:, None], IDS], ids=["words", "column", "ids"])
def test_a_pair_stays_a_pair(text):
    """Which samples are in the image, and which are in the text, are the same ones."""
    layer = MixGen(texts=["text"], rate=0.5)
    eye = np.eye(SIZE, dtype="float32")[:, None, None] * np.ones((1, 2, 2, 1), "float32")
    names = np.array([f"<{i}>" for i in range(SIZE)])
    if text is IDS:
        text = np.pad(np.arange(1, SIZE + 1)[:, None], [[0, 0], [0, 2]])
    else:
        text = names.reshape(text.shape)
    seen = set()
    for seed in range(8):
        mixed = layer({"images": eye, "text": text}, seed=tf.constant([seed, 1]))
        in_image = [set(np.flatnonzero(row)) for row in mixed["images"][:, 0, 0].numpy()]
        rows = mixed["text"].numpy()
        if text.dtype.kind == "U":
            rows = [row.decode() for row in rows.reshape(-1)]
            in_text = [{i for i in range(SIZE) if names[i] in row} for row in rows]
            # A sample that is its own partner is not repeated.
            assert all(
                row.count("<") == len(found) for row, found in zip(rows, in_text, strict=True)
            )
        else:
            in_text = [set(row[row > 0] - 1) for row in rows]
            assert [np.count_nonzero(row) for row in rows] == [len(found) for found in in_text]
        assert in_image == in_text
        seen |= {len(found) for found in in_text}
    assert seen == {1, 2}


def test_rows_are_as_long_where_nothing_is_mixed():
    layer = MixGen(texts=["text"], max_length=6)
    still = layer(pairs(IDS), training=False)
    np.testing.assert_array_equal(still["text"], np.pad(IDS, [[0, 0], [0, 2]]))
    np.testing.assert_array_equal(still["images"], IMAGES)
    words = layer(pairs(), training=False)["text"]
    assert [word.decode() for word in words.numpy()] == WORDS.tolist()


@pytest.mark.parametrize("text", [WORDS, IDS], ids=["words", "ids"])
def test_in_every_mode_alike(text):
    layer = MixGen(texts=["text"], rate=0.7, start_id=7, end_id=8)
    expected = layer(pairs(text), seed=SEED)
    dataset = tf.data.Dataset.from_tensor_slices(pairs(text)).batch(SIZE)
    mapped = next(iter(dataset.map(lambda batch: layer(batch, seed=SEED))))
    found = [
        mapped,
        tf.function(layer)({k: tf.constant(v) for k, v in pairs(text).items()}, seed=SEED),
    ]
    if text is IDS:
        compiled = tf.function(layer, jit_compile=True)
        found.append(compiled({k: tf.constant(v) for k, v in pairs(text).items()}, seed=SEED))
    for batch in found:
        np.testing.assert_array_equal(batch["text"], expected["text"])
        np.testing.assert_allclose(batch["images"], expected["images"], atol=1e-6)


def test_rows_of_unknown_length():
    layer = MixGen(texts=["text"], pairing="roll")
    spec = {"images": tf.TensorSpec([None, 4, 5, 3]), "text": tf.TensorSpec([None, None], tf.int32)}
    found = tf.function(layer.__call__, input_signature=[spec])(
        {"images": tf.constant(IMAGES), "text": tf.constant(IDS)}
    )
    expected = [joined_ids(IDS[i], IDS[(i + 1) % SIZE], 8, None, None) for i in range(SIZE)]
    np.testing.assert_array_equal(found["text"], expected)


def test_with_labels_and_in_a_seeded_dataset():
    layer = MixGen(texts=["caption"], num_classes=SIZE, rate=0.5)
    x = {"photo": IMAGES, "caption": WORDS}
    dataset = tf.data.Dataset.from_tensor_slices((x, np.arange(SIZE))).batch(SIZE)
    runs = [next(iter(data.mix(dataset, layer, seed=2))) for _ in range(2)]
    np.testing.assert_array_equal(runs[0][0]["caption"], runs[1][0]["caption"])
    x, labels = runs[0]
    for text, label in zip(x["caption"].numpy(), labels.numpy(), strict=True):
        shares = {WORDS[i]: share for i, share in enumerate(label) if share}
        assert set(shares.values()) in ({1.0}, {0.5})
        assert all(word in text.decode() for word in shares)


def test_partners_from_a_second_batch():
    layer = MixGen(texts=["text"], pairing="roll")
    other = {"images": 0 * IMAGES, "text": np.array([f"o{i}" for i in range(SIZE)])}
    mixed = layer(pairs(), partners=other, seed=SEED)
    np.testing.assert_allclose(mixed["images"], IMAGES / 2, atol=1e-6)
    texts = [text.decode() for text in mixed["text"].numpy()]
    assert texts == [f"{WORDS[i]} o{(i + 1) % SIZE}".strip() for i in range(SIZE)]


def test_config_round_trip():
    layer = MixGen(
        ["text"],
        mixing_weight=0.6,
        separator=" + ",
        max_length=9,
        start_id=2,
        end_id=3,
        sequences=SequenceOptions(padding_id=1),
        passthrough=["id"],
        seed=0,
    )
    again = MixGen.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert layer.get_config()["passthrough"] == ["id"]
    assert again.passthrough == ("id",)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"texts": "text"}, "`texts` must be a list of strings"),
        ({"mixing_weight": 1.5}, "`mixing_weight` must be a finite number between 0 and 1"),
        ({"max_length": 0}, "`max_length` must be an integer of at least 1"),
        ({"sequences": 0}, "`sequences` must be keras_mix.layers.SequenceOptions"),
        ({"end_id": 0.5}, "`end_id` must be an integer"),
    ],
)
def test_bad_arguments_are_refused(options, match):
    with pytest.raises(ValueError, match=match):
        MixGen(**options)


@pytest.mark.parametrize(
    ("batch", "match"),
    [
        (
            {"images": IMAGES},
            "must match one input. Received: 'text', which matches 0",
        ),
        (pairs(IMAGES[:, 0, 0]), r"strings \(B,\) or \(B, 1\), or token ids \(B, L\)"),
        (pairs(IDS[:, 0]), r"or token ids \(B, L\)"),
        (pairs(IDS[:5]), "same number of samples as `images`. Received: 5 beside 6"),
    ],
)
def test_bad_batches_are_refused(batch, match):
    with pytest.raises(ValueError, match=match) as caught:
        MixGen(texts=["text"])(batch)
    assert str(caught.value).startswith("MixGen: ")


def test_ids_and_words_are_refused_where_they_are_not_named():
    with pytest.raises(ValueError, match="passthrough"):
        MixGen()({"photo": IMAGES, "text": WORDS})
