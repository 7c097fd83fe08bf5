"""Checkpoints of pipelines: exact where it costs nothing, and where it is asked for."""

import tensorflow as tf


def exact(dataset):
    """The dataset, with checkpoints that resume every epoch.

    TensorFlow 2.21's default checkpoints forget which epoch a seeded dataset is in once its
    iterator has reached the end, which a parallel map or a prefetch does ahead of the consumer.
    Symbolic checkpoints describe what was consumed instead.
    """
    options = tf.data.Options()
    options.experimental_symbolic_checkpoint = True
    return dataset.with_options(options)


def shuffles(dataset):
    """Whether a dataset shuffles; symbolic checkpoints then cost time in proportion to its buffer.

    TensorFlow has no public way to walk a dataset. Without the private one the answer is True,
    by which no pipeline becomes slow.
    """
    try:
        graphs = [function.function.graph for function in dataset._functions()]
        inputs = dataset._inputs()
    except AttributeError:
        return True
    return (
        "Shuffle" in type(dataset).__name__
        or any(_has_shuffle(graph) for graph in graphs)
        or any(shuffles(each) for each in inputs)
    )


def _has_shuffle(graph):
    """Whether a function that makes datasets, such as that of `interleave`, shuffles them."""
    if not any("Dataset" in operation.type for operation in graph.get_operations()):
        return False
    definition = graph.as_graph_def()
    functions = [function.node_def for function in definition.library.function]
    return any(
        node.op.startswith("Shuffle") for nodes in (definition.node, *functions) for node in nodes
    )
