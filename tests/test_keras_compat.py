"""Canaries: a release of Keras or TensorFlow that changes a private name fails here first.

Each message says what broke and what of the package depends on it.
"""

import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_mix._core import keras_compat, tf_compat

X = np.ones((2, 3), "float32")


def test_masks_of_tensors():
    tensor, mask = keras.ops.ones((2, 3)), keras.ops.ones((2,), "bool")
    keras_compat.set_mask(tensor, mask)
    assert keras_compat.mask_of(tensor) is mask, (
        "Keras keeps masks elsewhere than `get_keras_mask` reads them: masks of mixed sequences in "
        "`models`, and MixedLoss under masks, are wrong."
    )
    embedded = keras.layers.Embedding(4, 2, mask_zero=True)(np.array([[1, 0]]))
    assert keras_compat.mask_of(embedded) is not None, (
        "Keras's layers do not put masks where `get_keras_mask` reads them: masks of mixed "
        "sequences in `models`, and MixedLoss under masks, are wrong."
    )


def test_the_outermost_layer_call():
    class Inner(keras.layers.Layer):
        def call(self, x):
            seen.append(keras_compat.entry_layer())
            return x

    sentence = (
        "Keras's call context is not `current_call_ctx` with an `entry_layer`: MixingModel inside "
        "another model, and a mixer that a model calls on inputs alone, are no longer refused."
    )
    seen, inner = [], Inner()
    outer = keras.Sequential([inner])
    outer(X)
    inner(X)
    assert seen[-1] is inner, sentence
    assert outer in seen, sentence
    assert keras_compat.entry_layer() is None, sentence


def test_states_of_random_numbers():
    flips = keras.layers.Pipeline([keras.layers.RandomFlip(), keras.layers.Rescaling(2.0)])
    shapes = [tuple(state.shape) for state in keras_compat.seed_states(flips)]
    assert shapes == [(2,)], (
        "Keras's layers do not name the states of their random numbers `seed_generator_state`: "
        "TestTimeAugmentation neither fixes the draws of a seed nor knows which layers draw."
    )


def test_symbolic_scopes():
    class Asks(keras.layers.Layer):
        def call(self, x):
            seen.append(keras_compat.in_symbolic_scope())
            return x

    seen, layer = [], Asks()
    layer(keras.Input((3,)))
    with keras_compat.SymbolicScope():
        seen.append(keras_compat.in_symbolic_scope())
    assert all(seen), (
        "Keras traces layers outside of a `SymbolicScope`: mixers draw, and MixingModel mixes, "
        "while a model is only built."
    )
    assert not keras_compat.in_symbolic_scope(), "`in_symbolic_scope` is true outside of a scope."


def test_losses_as_compile_takes_them():
    ids, rows = np.zeros((2,), "int32"), np.full((2, 3), 1 / 3, "float32")
    for given in ("crossentropy", "mse", keras.losses.mean_squared_error):
        assert isinstance(keras_compat.compiled_loss(given, ids, rows), keras.losses.Loss), (
            f"`get_loss` makes no Loss of {given!r}: MixingModel cannot take the losses that "
            "`compile` takes."
        )


class Holder(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.one, self.several = keras.layers.Dense(2), [keras.layers.Dense(2)]


def test_layers_in_a_layer():
    holder = Holder()
    holder.several.append(keras.layers.Dense(2))
    assert keras_compat.layers_in(holder) == [holder.one, *holder.several], (
        "Keras keeps the layers of a layer elsewhere than in `_layers`: MixingModel finds neither "
        "names nor hidden layers to mix at."
    )
    assert keras_compat.layers_in(keras.layers.Dense(2)) == []


def test_whether_a_model_has_metrics():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    found = []
    for metrics in (None, ["accuracy"]):
        model.compile("sgd", "mse", metrics=metrics)
        found.append(keras_compat.compiles_metrics(model))
    assert found == [False, True], (
        "`_compile_metrics` of Keras's models is not None where there are metrics alone: "
        "Distillation trained without labels does not refuse them in a sentence."
    )


def test_whether_an_attention_layer_computes_scores():
    made = [keras.layers.MultiHeadAttention(1, 2, flash_attention=flash) for flash in (True, False)]
    assert [keras_compat.computes_no_scores(layer) for layer in made] == [True, False], (
        "An attention layer keeps its `flash_attention` elsewhere than in `_flash_attention`: "
        "AttentionWeights refuses it in Keras's words, and only in the first step."
    )


def test_all_layers_of_a_layer():
    holder, dense = Holder(), keras.layers.Dense(2)
    holder.several.append(keras.Sequential([dense, dense]))
    found = keras_compat.all_layers(holder)
    expected = [holder, holder.one, *holder.several, dense]
    assert sorted(map(id, found)) == sorted(map(id, expected)), (
        "`_flatten_layers` of Keras's layers does not give each layer at any depth once: the mean "
        "teachers of semi-supervised models do not begin with the model's state."
    )


def chain():
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), keras.layers.Dense(1)])


def test_the_graph_of_a_model():
    base = chain()
    functional = keras.Model(base.inputs, base.outputs)
    sentence = (
        "A sequential model keeps its graph elsewhere than in `_functional`: MixingModel knows "
        "neither its inputs nor its default mix points."
    )
    assert keras_compat.graph_of(functional) is functional
    assert isinstance(keras_compat.graph_of(base), keras.Function), sentence
    assert keras_compat.graph_of(base).operations == [*functional.operations], sentence
    assert keras_compat.graph_of(Holder()) is None


def test_nodes_of_a_graph():
    base = chain()
    nodes = keras_compat.nodes_of(keras_compat.graph_of(base))
    found = [node.operation for node in nodes if not node.is_input]
    assert found == base.layers, (
        "The nodes of a graph are not in `_nodes_by_depth`: ManifoldMixup finds no default mix "
        "points, and ids among the inputs are not recognized."
    )
    taken = [tensor for node in nodes for tensor in node.input_tensors]
    given = [tensor for node in nodes for tensor in node.outputs]
    assert all(any(t is own for own in given) for t in taken), (
        "A node has no `input_tensors` and `outputs`: the flow of data through a graph is unknown."
    )


def test_inputs_as_a_graph_declares_them():
    inputs = {"b": keras.Input((3,), name="b"), "a": keras.Input((3,), name="a")}
    base = keras.Model(inputs, keras.layers.Add()([inputs["a"], inputs["b"]]))
    found = keras_compat.standardized(base, {"a": X, "b": 2 * X.astype("float64")})
    assert list(base.input) == list(inputs), "`input` is not the structure that was declared."
    assert sorted(found) == ["a", "b"]
    assert keras.backend.standardize_dtype(found["b"].dtype) == "float32", (
        "`_standardize_inputs` does not cast inputs: one of several inputs is mixed in another "
        "dtype than the model takes."
    )
    np.testing.assert_array_equal(found["b"], 2 * X)


def test_options_of_losses():
    loss = keras.losses.SparseCategoricalCrossentropy(axis=1, from_logits=True)
    found = keras_compat.options_of(loss)
    assert (found["axis"], found["from_logits"]) == (1, True), (
        "A loss keeps its options elsewhere than in `_fn_kwargs`: label_smoothing in MixingModel "
        "takes another axis, and logits for probabilities."
    )
    found = keras_compat.options_of(keras.losses.CategoricalCrossentropy(label_smoothing=0.1))
    assert found["label_smoothing"] == 0.1, "Labels that are smoothed twice are not refused."


def test_the_function_of_a_metric():
    metric = keras.metrics.MeanMetricWrapper(keras.metrics.mean_squared_error)
    assert keras_compat.function_of(metric) is keras.metrics.mean_squared_error, (
        "A MeanMetricWrapper keeps its function elsewhere than in `_fn`: MixedMetric cannot count "
        "each source of a sample."
    )
    assert keras_compat.function_of(keras.metrics.Mean()) is None


def test_errors_without_the_arguments_of_the_call():
    class Refuses(keras.layers.Layer):
        def call(self, x):
            raise keras_compat.without_call_info(ValueError("The sentence."))

    with pytest.raises(ValueError, match="The sentence") as error:
        Refuses()(X)
    assert str(error.value) == "The sentence.", (
        "Keras does not look at `_keras_call_info_injected`: each message of a layer ends in a "
        "print of the whole batch."
    )


def test_arguments_that_are_no_tensors():
    class Takes(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            keras_compat.take_arguments_as_given(self)
            self.built = True

        def call(self, x):
            return type(x["array"]), x["text"]

    assert Takes()({"array": X, "text": "as it is"}) == (np.ndarray, "as it is"), (
        "Keras does not look at `_convert_input_args` and `_allow_non_tensor_positional_args`: "
        "mixers cannot take captions, ragged tensors or TensorFlow's tensors on other backends."
    )


def test_metrics_beside_a_loss():
    class Asks(keras.losses.Loss):
        def call(self, y_true, y_pred):
            seen.append(keras_compat.metrics_beside_loss())
            return keras.ops.mean(keras.ops.square(y_pred), axis=-1)

    seen, base = [], chain()
    base.compile("sgd", Asks(), metrics=["mae"], weighted_metrics=["mse"], run_eagerly=True)
    base.train_on_batch(X, X[:, :1])
    assert seen == [["mae", "mse"]], (
        "The compiled metrics of a model are not in `_compile_metrics`: MixedLoss no longer "
        "refuses metrics that cannot read packed targets."
    )


def test_datasets_that_a_dataset_reads():
    dataset = tf.data.Dataset.range(3)
    assert tf_compat.inputs_of(dataset.map(lambda x: x)) == [dataset], (
        "A dataset has no `_inputs`: data.mix cannot tell whether exact checkpoints cost time."
    )


def test_whether_tensorflow_has_devices():
    tf.zeros([])
    assert tf_compat.has_devices(), (
        "TensorFlow's context has no `_initialized`: data.pool_memory cannot tell that it is late."
    )


def test_callables_that_autograph_leaves_alone():
    class Converted:
        def __init__(self):
            self.files = []

        def __call__(self, x):
            self.files.append(sys._getframe().f_code.co_filename)

    @tf_compat.without_autograph
    class AsItIs(Converted):
        pass

    converted, as_it_is = Converted(), AsItIs()

    @tf.function
    def step(x):
        converted(x)
        as_it_is(x)

    step(X)
    assert converted.files != [__file__]
    assert as_it_is.files == [__file__], (
        "AutoGraph does not look at `autograph_info__`: it converts the code that follows layer "
        "calls in MixingModel where a train step of the user's own is converted."
    )
