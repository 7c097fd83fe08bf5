"""What is trained: the cells of the study, in the order in which they are run.

A cell is one data set, training size, label noise and width, with every method, length of training
and seed in it. The order makes what is finished at any time a whole: first small sizes, clean and
noisy labels, wide networks; then the rest.
"""

import itertools
from typing import NamedTuple

from tools.study import data
from tools.study.methods import METHODS

DATA = ("cancer", "wine", "gaussians", "digits", "mnist")
SIZES = (50, 100, 300, 1000)
NOISES = (0.0, 0.2, 0.4)
WIDTHS = ("narrow", "wide")
SEEDS = 10
BATCH_SIZE = 50

# Training size → steps after which a wide network without mixing has learned all labels by heart,
# measured for 40 % noise.
INTERPOLATION = {50: 100, 100: 200, 300: 500, 1000: 2000}
# Length → steps in multiples of these.
LENGTHS = {"short": 0.2, "interpolation": 1.0, "10 ×": 10.0}
# The part of the steps at the end in which the learning rate falls to 0, and "off" mixes nothing.
END = 0.2


# Places of the grid where each seed trains several members of an ensemble, to interpolation.
MEMBERS = 5
ENSEMBLES = (("cancer", 100), ("wine", 100), ("gaussians", 300), ("digits", 300))
ENSEMBLE_METHODS = ("none", "mixup 1", "regmixup")


# (data, sizes, noises, widths) of a part that takes minutes.
QUICK = (("cancer", "digits"), (50, 100), (0.0, 0.4), ("wide",))


class Cell(NamedTuple):
    """One place of the grid."""

    data: str
    size: int
    noise: float
    width: str
    members: int = 1

    @property
    def key(self):
        """The name of the cell's folder."""
        ensemble = f"-ensemble{self.members}" if self.members > 1 else ""
        return f"{self.data}-{self.size}-{self.noise:g}-{self.width}{ensemble}"

    @property
    def seeds(self):
        """Pairs of the seed of the split and that of the network, member after member."""
        return [
            (seed, seed + 1000 * member) for member in range(self.members) for seed in range(SEEDS)
        ]

    def runs(self, method):
        """Whether a method is for these data: mixers that cut are for images."""
        return self.data in data.IMAGES or not METHODS[method].images_only

    @property
    def lengths(self):
        """The lengths of training."""
        return tuple(LENGTHS) if self.members == 1 else ("interpolation",)

    def steps(self, length):
        """The number of steps of a length."""
        return round(INTERPOLATION[self.size] * LENGTHS[length])


def cells(names=DATA, sizes=SIZES, noises=NOISES, widths=WIDTHS):
    """The cells of a part of the grid, those that matter most first."""
    single = [
        Cell(name, size, noise, width)
        for name, noise, width in itertools.product(names, noises, widths)
        for size in data.sizes(name, sizes)
    ]
    ensembles = [
        Cell(name, size, 0.0, "wide", MEMBERS)
        for name, size in ENSEMBLES
        if Cell(name, size, 0.0, "wide") in single
    ]
    return sorted(
        ensembles + single, key=lambda cell: (priority(cell), tuple(names).index(cell.data))
    )


def priority(cell):
    """The round in which a cell is run; earlier rounds sort first."""
    if cell.members > 1:
        return (0, 0)
    key = cell.width == "wide" and cell.noise != 0.2
    rounds = (cell.size > 300) + (cell.data not in ("cancer", "wine", "gaussians", "digits"))
    return (rounds, 0 if key else 1)
