"""What a schedule sets for one batch, in place of a mixer's own arguments."""

from typing import NamedTuple


class Settings(NamedTuple):
    """Values of one batch; None leaves what the mixer was given.

    Attributes:
        alpha: A `random.Concentration`.
        rate: float32 scalar, the probability of mixing.
        ends: float32 `(C - 1,)`, where the intervals of C choices end in [0, 1), but for the last.
    """

    alpha: object = None
    rate: object = None
    ends: object = None
