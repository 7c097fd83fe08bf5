"""The array operations of mixers on TensorFlow: its own functions, by their own names."""
# ruff: noqa: F401, F811  # The functions that are imported are the namespace.

import contextlib

import numpy as np
import tensorflow as tf
from tensorflow import (
    GradientTape,
    TensorArray,
    abs,
    add_n,
    argmax,
    argmin,
    argsort,
    boolean_mask,
    broadcast_to,
    cast,
    clip_by_value,
    complex,
    concat,
    cond,
    constant,
    convert_to_tensor,
    cos,
    cumsum,
    custom_gradient,
    einsum,
    ensure_shape,
    equal,
    executing_eagerly,
    exp,
    expand_dims,
    fill,
    floor,
    gather,
    identity,
    inside_function,
    is_tensor,
    matmul,
    maximum,
    minimum,
    no_op,
    norm,
    not_equal,
    one_hot,
    ones,
    ones_like,
    pad,
    range,
    reduce_all,
    reduce_any,
    reduce_max,
    reduce_mean,
    reduce_min,
    reduce_prod,
    reduce_sum,
    repeat,
    reshape,
    reverse,
    roll,
    round,
    saturate_cast,
    searchsorted,
    shape,
    sign,
    sin,
    size,
    sort,
    split,
    sqrt,
    square,
    squeeze,
    stack,
    switch_case,
    tensor_scatter_nd_update,
    tensordot,
    tile,
    transpose,
    unstack,
    where,
    while_loop,
    zeros,
    zeros_like,
)
from tensorflow.bitwise import bitwise_and, invert, left_shift, right_shift
from tensorflow.linalg import matvec
from tensorflow.math import (
    bincount,
    ceil,
    count_nonzero,
    divide_no_nan,
    imag,
    is_finite,
    is_nan,
    log,
    real,
)
from tensorflow.signal import fft2d, frame, hann_window, ifft2d, rfft
from tensorflow.strings import join

from keras_mix._core.backend import entropy
from keras_mix._core.backend.box_formats import convert_boxes
from keras_mix._core.backend.selection import choose, select
from keras_mix._core.backend.symbolic import traced
from keras_mix._core.backend.tfp import incomplete_beta_inverse
from keras_mix._core.backend.xla import apart, call_compiled, compiles_once, compiling

# The Philox algorithm, as TensorFlow numbers it, from the start of its sequence.
_PHILOX = {"counter": np.zeros(2, np.uint64), "alg": 1}


def mutable():
    """Whether arrays can be written to, and a loop over samples costs little."""
    return False


def scope():
    """The context in which the functions run."""
    return contextlib.nullcontext()


def bits(seed, shape):
    """int32 of a shape; see `draw.random`."""
    # `tf.random` would hash the seed into a key first, at each draw.
    key = tf.bitcast(tf.expand_dims(seed, 0), tf.uint64)
    return tf.raw_ops.StatelessRandomUniformFullIntV2(
        shape=shape, dtype=tf.int32, key=key, **_PHILOX
    )


def given(value):
    """What a user gives, as a tensor."""
    return tf.convert_to_tensor(value)


def seed_of_replica(seed):
    """The seed, different in each replica of a `tf.distribute` strategy.

    Keras's generators return the same seed in all replicas.
    """
    context = tf.distribute.get_replica_context()
    replica = 0 if context is None else context.replica_id_in_sync_group
    return seed + tf.stack([replica, 0])


def seed_generator(start):
    """A generator that hands out every seed once, also to calls that run in parallel."""
    with tf.init_scope():
        return tf.random.Generator.from_seed(start)


def next_seed(seeds, fresh):
    """int32 `(2,)`, the next of `LayerSeeds`; in copies of a pipeline `fresh` entropy if asked."""
    # Equal to the generator's `make_seeds`, whose second number is 0.
    first = tf.cast(seeds.of_tensorflow().uniform_full_int([1], tf.int64), tf.int32)
    seed = tf.pad(first, [[0, 1]])
    return entropy.fresh_in_copies(seed) if fresh else seed


def variable(values):
    """A variable with values of NumPy that change between the steps of a compiled function."""
    with tf.init_scope():
        return tf.Variable(values, trainable=False)


def tracked(variables):
    """Those of `variables` that a model must track: graphs read and write TensorFlow's own."""
    return []


def order_of(values):
    """int32 `(n,)`, the descending order of integers; of equal ones the first comes first."""
    # `tf.argsort` would negate and measure first.
    return tf.math.top_k(values, tf.shape(values)[0]).indices


def known(tensor):
    """The values of a tensor as an array of NumPy; None where only a graph will know them."""
    return tensor.numpy() if hasattr(tensor, "numpy") else None


def checked(legal, sentence):
    """An operation that fails with a sentence, as the graph runs, unless all of `legal` is True.

    `tf.debugging.assert_equal` would add a branch, which costs as much as some of the mixing.
    """
    return tf.debugging.Assert(tf.reduce_all(legal), [sentence])


def behind(checks, tensors):
    """The tensors, guarded by checks that the running graph makes.

    An operation on an unguarded tensor could run before a check, and fail with an error of its own.
    """
    with tf.control_dependencies(checks):
        return [tf.identity(tensor) if tf.is_tensor(tensor) else tensor for tensor in tensors]
