"""Mixup's plan on any backend, drawn for a batch."""

from keras import ops

from keras_mix._core.ops import draws, portable_draws


def drawn_blend(seed, size, rate, *, alpha, keep_major, pairing, per):
    """The `BlendPlan` of a batch.

    Args:
        seed: As `draws.begin` or `draws.split` gives it.
        size: The number of samples.
        rate: The probability that a sample is mixed, or the batch if λ is shared.
        alpha: A `Concentration` of `draws`.
        keep_major: As in `keras_mix.layers.MixUp`, like `pairing` and `per`.
        pairing: A string.
        per: "sample" or "batch".
    """
    order, share, chance = draws.split(seed, 3)
    count = 1 if per == "batch" else size
    lam = draws.beta(share, alpha, count, keep_major)
    lam = ops.where(draws.coin(chance, rate, count), lam, 1.0)
    partners = draws.partners(order, pairing, size, size, has_second_batch=False)
    return portable_draws.blend_plan(partners, ops.broadcast_to(lam, [size]))
