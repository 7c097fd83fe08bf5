"""ModalityDropout on every backend: which modalities fall, and what stands in their place."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops

from keras_mix.layers import ModalityDropout

pytestmark = pytest.mark.slow

RATES = {"audio": 0.6, "image": 0.25, "text": 0.5}
COUNT = 20_000


def law(rates):
    """{pattern of drops: probability}, of independent drops drawn again while all fall."""
    patterns = itertools.product([False, True], repeat=len(rates))
    chances = {
        pattern: np.prod([p if fell else 1 - p for p, fell in zip(rates, pattern, strict=True)])
        for pattern in patterns
        if not all(pattern)
    }
    total = sum(chances.values())
    return {pattern: chance / total for pattern, chance in chances.items()}


def ones(count, keys=("audio", "image", "text")):
    """Each modality of another shape."""
    shapes = {"audio": (3,), "image": (2, 4), "text": (5,)}
    return {key: np.ones((count, *shapes[key]), "float32") for key in keys}


def numpy_of(structure):
    return keras.tree.map_structure(ops.convert_to_numpy, structure)


def drops_of(outputs):
    """bool [B, M], which modalities are zero everywhere; none may be in part."""
    columns = []
    for key in sorted(outputs):
        values = ops.convert_to_numpy(outputs[key])
        values = values.reshape(len(values), -1)
        assert ((values == 0).all(axis=1) | (values != 0).all(axis=1)).all()
        columns.append((values == 0).all(axis=1))
    return np.stack(columns, axis=1)


def assert_frequencies(drops, expected):
    found = {p: (drops == np.array(p)).all(axis=1).mean() for p in expected}
    assert abs(sum(found.values()) - 1) < 1e-9
    for pattern, chance in expected.items():
        error = np.sqrt(chance * (1 - chance) / len(drops))
        assert abs(found[pattern] - chance) <= 5 * error, (pattern, found[pattern], chance)


@pytest.mark.parametrize("rates", [RATES, {"audio": 0.0, "image": 1.0, "text": 1.0}, 0.7])
def test_every_pattern_is_as_likely_as_if_drawn_again_while_all_fall(rates):
    values = [rates[key] for key in sorted(rates)] if isinstance(rates, dict) else [rates] * 3
    drops = drops_of(ModalityDropout(rates, seed=1)(ones(COUNT), training=True))
    assert not drops.all(axis=1).any()
    assert_frequencies(drops, law(values))


def test_the_marginal_rates_are_those_of_the_law():
    layer = ModalityDropout(RATES)
    expected = {
        key: sum(chance for pattern, chance in law(list(RATES.values())).items() if pattern[m])
        for m, key in enumerate(RATES)
    }
    assert layer.marginal_rates() == pytest.approx(expected)
    assert ModalityDropout([0.3, 0.3]).marginal_rates() == pytest.approx([0.21 / 0.91] * 2)
    with pytest.raises(ValueError, match="number of modalities"):
        ModalityDropout(0.3).marginal_rates()


def test_what_is_missing_falls_always_and_the_last_that_is_left_never():
    present = {key: np.ones(COUNT, bool) for key in RATES}
    present["audio"][: COUNT // 2] = False
    present["image"][: COUNT // 4] = False
    outputs = ModalityDropout(RATES, seed=2)(ones(COUNT), present=present, training=True)
    drops = drops_of(outputs)
    assert drops[: COUNT // 4].tolist() == [[True, True, False]] * (COUNT // 4)
    assert drops[COUNT // 4 : COUNT // 2, 0].all()
    assert_frequencies(drops[COUNT // 4 : COUNT // 2, 1:], law([RATES["image"], RATES["text"]]))
    assert_frequencies(drops[COUNT // 2 :], law(list(RATES.values())))


@pytest.mark.parametrize(
    ("training", "rates"), [(False, [1.0, 0.5]), (True, [1.0, 0.5]), (True, [0.5, 1.0])]
)
def test_a_sample_with_nothing_keeps_nothing_and_a_rate_of_one_yields(training, rates):
    layer = ModalityDropout(rates, return_present=True, seed=3)
    inputs = [np.ones((3, 2), "float32")] * 2
    present = [np.array([True, False, False]), np.array([False, False, True])]
    outputs, left = layer(inputs, present=present, training=training)
    np.testing.assert_array_equal(numpy_of(left), present)
    for values, there in zip(numpy_of(outputs), present, strict=True):
        np.testing.assert_array_equal(values, np.repeat(there[:, None], 2, axis=1))


@pytest.mark.parametrize("rescale", ["expectation", "count"])
def test_rescaling(rescale):
    layer = ModalityDropout(RATES, rescale=rescale, return_present=True, seed=4)
    outputs, left = numpy_of(layer(ones(COUNT), training=True))
    kept = np.stack([left[key] for key in RATES], axis=1)
    values = np.stack([outputs[key].reshape(COUNT, -1)[:, 0] for key in RATES], axis=1)
    if rescale == "count":
        np.testing.assert_allclose(values.sum(axis=1), 3, rtol=1e-5)
        np.testing.assert_allclose(values[kept], np.repeat(3 / kept.sum(1), kept.sum(1)), rtol=1e-5)
        return
    marginal = np.array(list(layer.marginal_rates().values()))
    np.testing.assert_allclose(values, kept / (1 - marginal), rtol=1e-5)
    error = np.sqrt(marginal / (1 - marginal) / COUNT)
    assert (np.abs(values.mean(axis=0) - 1) < 5 * error).all()


def test_count_makes_up_for_what_is_missing_in_evaluation_and_expectation_does_not():
    present = [np.array([True]), np.array([False])]
    inputs = [np.full((1, 2), 3, "float32")] * 2
    for rescale, value in (("count", 6), ("expectation", 3), (None, 3)):
        first, second = ModalityDropout([0.3, 0.3], rescale=rescale)(inputs, present=present)
        assert ops.convert_to_numpy(first).tolist() == [[value, value]]
        assert not ops.convert_to_numpy(second).any()


def test_kept_values_keep_every_bit_and_dropped_ones_leave_no_trace():
    values = np.tile(np.array([-0.0, np.inf, np.nan, 3e38, 0.1], "float32"), (500, 1))
    outputs, left = ModalityDropout([0.4, 0.4], return_present=True, seed=5)(
        [values, values.copy()], training=True
    )
    for found, there in zip(numpy_of(outputs), numpy_of(left), strict=True):
        expected = np.where(there[:, None], values, np.float32(0))
        assert found.tobytes() == expected.tobytes()
        assert 0 < there.mean() < 1


def test_nothing_falls_outside_of_training():
    inputs = ones(4)
    for outputs in (ModalityDropout(RATES)(inputs), ModalityDropout(RATES)(inputs, training=False)):
        assert not drops_of(outputs).any()


@pytest.mark.parametrize("container", [list, tuple, dict])
def test_the_structure_is_kept(container):
    named = {"z": np.ones((2, 3), "float32"), "a": np.ones((2, 4), "float32")}
    inputs = named if container is dict else container(named.values())
    outputs, left = ModalityDropout(0.5, return_present=True)(inputs, training=True)
    assert type(outputs) is type(left) is container
    if container is dict:
        assert list(outputs) == list(left) == ["z", "a"]
    shapes = [tuple(v.shape) for v in (outputs.values() if container is dict else outputs)]
    assert shapes == [(2, 3), (2, 4)]


def test_two_layers_of_one_seed_draw_alike_and_each_call_anew():
    first, second = ModalityDropout(RATES, seed=6), ModalityDropout(RATES, seed=6)
    runs = [drops_of(layer(ones(64), training=True)).tolist() for layer in (first, second, first)]
    assert runs[0] == runs[1] != runs[2]


def test_learned_tokens_stand_at_each_place_and_are_learned():
    keras.utils.set_random_seed(1)
    layer = ModalityDropout(
        {"image": 0.5, "text": 0.5}, learned_tokens=True, token_initializer="ones", seed=7
    )
    text = np.full((64, 5, 3), 7, "float32")
    outputs = numpy_of(
        layer({"image": np.full((64, 4), 7, "float32"), "text": text}, training=True)
    )
    assert {tuple(weight.shape) for weight in layer.trainable_weights} == {(4,), (3,)}
    fell = (outputs["text"] == 1).all(axis=(1, 2))
    assert 0 < fell.mean() < 1
    assert (outputs["text"][~fell] == 7).all()
    inputs = {"image": keras.Input((4,), name="image"), "text": keras.Input((5, 3), name="text")}
    hidden = layer(inputs)
    pooled = keras.layers.GlobalAveragePooling1D()(hidden["text"])
    outputs = keras.layers.Dense(1)(keras.layers.Concatenate()([hidden["image"], pooled]))
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.SGD(0.1), "mse")
    batch = {"image": np.full((64, 4), 7, "float32"), "text": text}
    model.fit(batch, np.zeros(64), epochs=1, batch_size=32, verbose=0)
    moved = [ops.convert_to_numpy(weight) for weight in layer.trainable_weights]
    assert all((weight != 1).any() and np.isfinite(weight).all() for weight in moved)


def test_a_model_trains_and_is_saved_with_missing_modalities(tmp_path):
    keys = ("audio", "text")
    inputs = {key: keras.Input((4,), name=key) for key in keys}
    present = {key: keras.Input((), dtype="bool", name=f"has_{key}") for key in keys}
    hidden = ModalityDropout({"audio": 0.4, "text": 0.4}, learned_tokens=True)(
        inputs, present=present
    )
    outputs = keras.layers.Dense(2, activation="softmax")(
        keras.layers.Concatenate()([hidden[key] for key in keys])
    )
    model = keras.Model([*inputs.values(), *present.values()], outputs)
    model.compile("sgd", "sparse_categorical_crossentropy")
    noise = np.random.default_rng(0)
    batch = [noise.random((32, 4), "float32") for _ in keys]
    batch += [np.arange(32) % 2 == 0, np.ones(32, bool)]
    model.fit(batch, np.arange(32) % 2, verbose=0)
    predicted = model.predict(batch, verbose=0)
    changed = [batch[0].copy(), *batch[1:]]
    changed[0][1::2] = 99
    np.testing.assert_array_equal(model.predict(changed, verbose=0), predicted)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.predict(batch, verbose=0), predicted, rtol=1e-5)


def test_keras_masks_pass():
    inputs = {
        "text": keras.Input((5,), dtype="int32", name="text"),
        "image": keras.Input((4,), name="image"),
    }
    embedding = keras.layers.Embedding(9, 3, mask_zero=True)
    hidden = ModalityDropout(0.3)({"text": embedding(inputs["text"]), "image": inputs["image"]})
    mean = keras.layers.GlobalAveragePooling1D()(hidden["text"])
    model = keras.Model(inputs, mean)
    ids = np.array([[1, 2, 0, 0, 0]])
    table = ops.convert_to_numpy(embedding.embeddings)
    found = model({"text": ids, "image": np.ones((1, 4), "float32")})
    np.testing.assert_allclose(ops.convert_to_numpy(found)[0], table[[1, 2]].mean(0), rtol=1e-5)
    many = {"text": np.tile(ids, (64, 1)), "image": np.ones((64, 4), "float32")}
    assert np.isfinite(ops.convert_to_numpy(model(many, training=True))).all()


def test_half_precision_stays():
    layer = ModalityDropout([0.5, 0.5], rescale="count", dtype="mixed_float16")
    outputs = layer([np.ones((4, 2), "float32")] * 2, training=True)
    assert {keras.backend.standardize_dtype(v.dtype) for v in outputs} == {"float16"}


@pytest.mark.parametrize("rates", [0.25, [0.1, 0.2], RATES])
def test_config_round_trip(rates):
    options = {"learned_tokens": True, "return_present": True, "seed": 0, "name": "drop"}
    layer = ModalityDropout(rates, token_initializer="ones", **options)
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert again.get_config() == layer.get_config()
    assert again.get_config().items() >= {"rate": rates, **options}.items()


TWO = [np.ones((2, 3), "float32")] * 2


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"rate": 1}, "or all would be dropped. Received: rate=1"),
        ({"rate": [1.0, 1.0]}, "or all would be dropped"),
        ({"rate": {"a": 1, "b": 1}}, "or all would be dropped"),
        ({"rate": [0.5]}, "at least two modalities"),
        ({"rate": {}}, "at least two modalities"),
        ({"rate": [0.5, -0.1]}, "between 0 and 1. Received: rate=-0.1"),
        ({"rate": "all"}, "finite number"),
        ({"rescale": "sum"}, "`rescale` must be one of"),
        ({"rescale": "count", "learned_tokens": True}, "not for learned tokens"),
        ({"seed": 0.5}, "`seed` must be an integer"),
    ],
)
def test_bad_arguments_are_refused(options, match):
    with pytest.raises(ValueError, match=match) as caught:
        ModalityDropout(**options)
    assert "Received: " in str(caught.value)


@pytest.mark.parametrize(
    ("rates", "inputs", "options", "match"),
    [
        ({"a": 0.1, "b": 0.1}, {"a": TWO[0], "c": TWO[0]}, {}, "by the same keys"),
        ([0.1, 0.1, 0.1], TWO, {}, "one rate for each modality"),
        ({"a": 0.1, "b": 0.1}, TWO, {}, "one rate for each modality"),
        (0.1, TWO[0], {}, "a dict or a list"),
        (0.1, TWO[:1], {}, "two or more. Received: 1"),
        (
            0.1,
            [TWO[0], np.ones((3, 3), "float32")],
            {},
            "same number of samples as `0`. Received: 3 beside",
        ),
        (0.1, [TWO[0], np.ones((2, 3), "int32")], {}, "must hold floats.*after the embedding"),
        (0.1, TWO, {"present": {"a": np.ones(2), "b": np.ones(2)}}, "structure of the modalities"),
        (0.1, TWO, {"present": [np.ones(2, bool)] * 3}, "structure of the modalities"),
        (0.1, TWO, {"present": [np.ones(3, bool)] * 2}, "must be booleans"),
        (0.1, TWO, {"present": [np.ones((2, 1), bool)] * 2}, "must be booleans"),
    ],
)
def test_bad_inputs_are_refused(rates, inputs, options, match):
    with pytest.raises(ValueError, match=match) as caught:
        ModalityDropout(rates)(inputs, training=True, **options)
    assert str(caught.value).startswith("ModalityDropout: ")
    assert "Received: " in str(caught.value)
