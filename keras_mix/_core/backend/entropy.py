"""Fresh entropy for layers without a seed in the workers of tf.data service."""

import tensorflow as tf

# The name of a variable in the resources of this process; copies of a pipeline do not have it.
_MARK = "keras_mix/original"


def fresh_in_copies(seed):
    """Returns the seed, or fresh entropy inside a copy of the mapped function that calls this.

    tf.data service sends a copy of a pipeline to each of its workers in each epoch, with the
    initial state of its layers, so all copies would draw the same numbers in all epochs. A worker
    has resources of its own and does not find a variable by its name, even in the same process.

    Args:
        seed: int32 `(2,)`.

    Returns:
        int32 `(2,)`.
    """
    if not _in_dataset():
        return seed
    mark = {"dtype": tf.bool, "shape": [], "shared_name": _MARK}
    with tf.init_scope(), tf.device("CPU:0"):
        tf.raw_ops.AssignVariableOp(resource=tf.raw_ops.VarHandleOp(**mark), value=True)
    with tf.device("CPU:0"):
        original = tf.raw_ops.VarIsInitializedOp(resource=tf.raw_ops.VarHandleOp(**mark))
    entropy = tf.raw_ops.NonDeterministicInts(shape=[2], dtype=tf.int64)
    return tf.where(original, seed, tf.cast(entropy, tf.int32))


def _in_dataset():
    """Whether a function of tf.data is being traced, by the name of its graph."""
    if not tf.inside_function():
        return False
    graph = tf.compat.v1.get_default_graph()
    while graph is not None:
        if getattr(graph, "name", "").startswith("Dataset_"):
            return True
        graph = getattr(graph, "outer_graph", None)
    return False
