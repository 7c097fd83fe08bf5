"""Checks of the plan that a mixer's `sample` returns, made from shapes alone."""

from keras_mix._core import checks
from keras_mix._core.plan.choice import Choice
from keras_mix._core.plan.plan import PerGroup, Plan


def check(mixer, plan, grid):
    """Refuses what is no plan, and a region that does not lie on the mixer's grid.

    Args:
        mixer: The mixer.
        plan: What its `sample` has returned.
        grid: The sizes of the grid, or None.
    """
    if not isinstance(plan, Plan | PerGroup | Choice):
        checks.refuse(
            mixer.owner,
            "`sample` must return a plan",
            f"a value of the type {type(plan).__name__}",
            "Return what keras_mix.plans.blend, paste, soft or erase makes.",
        )
    plan.of(None).map(lambda each: _check_region(mixer, each, grid))


def _check_region(mixer, plan, grid):
    if plan.region is None:
        return plan
    if grid is None:
        checks.refuse(
            mixer.owner,
            "a mixer must state how many axes the regions of its plans cover",
            f"a region of the type {type(plan.region).__name__} and grid_rank=None",
            "Set `grid_rank` in its class: 2 for height and width, 1 for time.",
        )
    sizes = plan.region.sizes
    unlike = len(sizes) != len(grid) or any(
        isinstance(size, int) and isinstance(known, int) and size != known
        for size, known in zip(sizes, grid, strict=True)
    )
    if unlike:
        checks.refuse(
            mixer.owner,
            "a region must have the sizes of the grid, `batch.grid`",
            f"a region of the sizes {tuple(sizes)} on the grid {tuple(grid)}",
        )
    return plan
