"""Random bits of the Philox algorithm on any namespace, equal to those of TensorFlow's.

Philox-4x32-10: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 3.3.
"""

import math

# The multipliers of a round, and what is added to the key after it.
_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)
_ROUNDS = 10
_LOW = 0xFFFFFFFF


def bits(xp, seed, shape):
    """int32 of a shape, by the counters 0, 1, 2 … and the two numbers of the seed as the key.

    Args:
        xp: The namespace.
        seed: int32 `(2,)`.
        shape: A tuple of ints.
    """
    count = math.prod(shape)
    # 64 bits hold the product of two words; the sign bit is a bit like others.
    key = [xp.cast(seed[number], "int64") & _LOW for number in range(2)]
    counter = xp.cast(xp.range((count + 3) // 4), "int64")
    nothing = counter & 0
    words = [counter, nothing, nothing, nothing]
    for number in range(_ROUNDS):
        if number:
            key = [(each + weyl) & _LOW for each, weyl in zip(key, _WEYL, strict=True)]
        (low, high), (low_2, high_2) = (
            _product(words[2 * half], _MULTIPLIERS[half]) for half in range(2)
        )
        words = [high_2 ^ words[1] ^ key[0], low_2, high ^ words[3] ^ key[1], low]
    # The word above 2^31 - 1 is a negative number of 32 bits.
    signed = xp.stack([(word ^ 2**31) - 2**31 for word in words], axis=1)
    return xp.reshape(xp.cast(xp.reshape(signed, [-1])[:count], "int32"), shape)


def _product(word, multiplier):
    """The low and the high word of a product."""
    product = word * multiplier
    return product & _LOW, (product >> 32) & _LOW
