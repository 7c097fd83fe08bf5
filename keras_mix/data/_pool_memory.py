"""Pooled memory for the batches of a pipeline."""

import os

import tensorflow as tf

from keras_mix._core import tf_compat

# TensorFlow reads both when it creates its devices: `ProcessState::GetCPUAllocator`.
POOLED, LIMIT = "TF_CPU_ALLOCATOR_USE_BFC", "TF_CPU_BFC_MEM_LIMIT_IN_MB"
# TensorFlow's own limit, in MiB.
TENSORFLOW_LIMIT = 1 << 16


def pool_memory() -> None:
    """`pool_memory()` lets TensorFlow reuse the memory of batches, instead of taking new pages.

    On a CPU, new pages can cost more than mixing: the operating system fills each with zeros, and a
    batch of images has thousands. With pooled memory, TensorFlow's allocator on the host keeps the
    pages of a batch that is gone and gives them to the next one. What that is worth depends on the
    machine: on one, pipelines of batches of 128 × 224 × 224 × 3 became four times as fast; on
    another, nothing changed (README, "Speed").

    Pages are kept until the process ends: its memory stays at its peak. Processes that this one
    starts inherit the choice, which is an environment variable: `TF_CPU_ALLOCATOR_USE_BFC=1` before
    the start does the same. The pool's limit is the memory of the machine, or TensorFlow's 64 GiB
    if that is more, unless `TF_CPU_BFC_MEM_LIMIT_IN_MB` states another; a batch beyond it raises
    `ResourceExhaustedError`.

    The pool takes its pages from the process's `malloc`, so it works with tcmalloc, which Colab
    preloads and which has part of the effect by itself, and with jemalloc. On a host with GPUs it
    serves the batches of a pipeline all the same; tensors on a GPU and the pinned memory that they
    are copied through are always pooled, by allocators of their own.

    TensorFlow chooses its allocator when it creates its devices: at the first op, layer or dataset.
    So call this directly after the imports. A second call does nothing.

    Raises:
        RuntimeError: If TensorFlow has created its devices without a pool.

    Example:

    ```python
    import keras_mix

    keras_mix.data.pool_memory()  # before the first layer or dataset
    ```

    Reference:
        tensorflow/core/common_runtime/process_state.cc, `ProcessState::GetCPUAllocator`, and
        gpu/gpu_device_factory.cc, `GPUCompatibleCPUDevice::GetAllocator`.
    """
    if not tf_compat.has_devices():
        os.environ[POOLED] = "1"
        if memory := _memory_of_machine():
            os.environ.setdefault(LIMIT, str(max(memory, TENSORFLOW_LIMIT)))
    elif not is_pooled():
        raise RuntimeError(
            "pool_memory: it must be called before TensorFlow's first op, layer or dataset, when "
            "TensorFlow chooses how it takes memory. Received: a process in which it has chosen. "
            "Restart, and call it directly after the imports, or start the process with "
            f"{POOLED}=1."
        )


def is_pooled():
    """Whether TensorFlow's allocator on the host is a pool. Creates the devices.

    Only a pool counts small tensors.
    """
    before = tf.config.experimental.get_memory_info("CPU:0")["current"]
    with tf.device("CPU:0"):
        held = tf.zeros([1000], tf.uint8) + 1
    after = tf.config.experimental.get_memory_info("CPU:0")["current"]
    del held
    return after > before


def _memory_of_machine():
    """In MiB; 0 where the system does not tell."""
    names = {"SC_PAGE_SIZE", "SC_PHYS_PAGES"}
    if names - getattr(os, "sysconf_names", {}).keys():
        return 0
    return (os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")) >> 20
