"""The two ways in which TensorFlow takes memory on a host."""

import os

POOL = "TF_CPU_ALLOCATOR_USE_BFC"
DEFAULT, POOLED = "default", "pooled"
REGIMES = (DEFAULT, POOLED)


def leave():
    """Forgets a choice that this process inherited, for the processes that it starts."""
    os.environ.pop(POOL, None)


def pooled():
    """Whether the memory of this process is pooled."""
    return bool(os.environ.get(POOL))


def enter(regime):
    """Lets TensorFlow take memory as a regime says, in this process and in those that it starts.

    Args:
        regime: One of `REGIMES`.
    """
    if regime == POOLED:
        import keras_mix

        keras_mix.data.pool_memory()
