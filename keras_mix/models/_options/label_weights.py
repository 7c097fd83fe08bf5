"""The base of objects that weigh labels by a map of the forward pass."""

import abc
import math
from collections.abc import Sequence

from keras import ops

from keras_mix._core import checks
from keras_mix._core.options import option

PROGRESSIVE = "progressive"


class LabelWeights(option.Value, abc.ABC):
    """Where a map of the forward pass is read, and how it weighs labels: a `weigh_labels`."""

    of_outputs = True
    """Whether the map is made of what the layer returns to the model."""

    def __init__(self, layer, grid, trust):
        if not isinstance(layer, str):
            raise ValueError(
                "`layer` must be the name or the path of a layer, such as "
                f'"encoder/block_11/attention". Received: layer={layer!r}'
            )
        self.layer = layer
        self.grid = _sizes(grid)
        self.trust = trust
        if trust != PROGRESSIVE:
            if isinstance(trust, str):
                raise ValueError(
                    f'`trust` must be a number or "{PROGRESSIVE}". Received: trust={trust!r}'
                )
            self.trust = checks.positive("trust", checks.number("trust", trust, high=1.0))

    def at(self, layer):
        """The same at another layer."""
        return type(self)(**{**self.get_config(), "layer": layer})

    @abc.abstractmethod
    def check(self, owner, path, layer):
        """Refuses a layer that makes no such map.

        Args:
            owner: The wrapper's name, for messages.
            path: The layer's path.
            layer: The layer.
        """

    @abc.abstractmethod
    def called(self, call, parameters, args, kwargs):
        """Calls the layer.

        Args:
            call: Function of a tuple and a dict of arguments.
            parameters: The names of the positional ones.
            args: A tuple.
            kwargs: A dict.

        Returns:
            The outputs, and the tensor that the map is made of.
        """

    @abc.abstractmethod
    def map_of(self, owner, path, tensor, region):
        """The map: float32 `(B, *spatial)`.

        Args:
            owner: The wrapper's name, for messages.
            path: The layer's path.
            tensor: As `called` returns it.
            region: The `target_portions.Grid` of the region.
        """

    def on_grid(self, owner, path, tokens, sizes):
        """Values `(B, N)` of tokens, the last of which are patches, on the grid of these.

        Args:
            owner: The wrapper's name, for messages.
            path: The layer's path.
            tokens: float32 `(B, N)`.
            sizes: The sizes of the grid that is cut; None for an unknown one.
        """
        count, grid = tokens.shape[1], self.grid or _squares(sizes, tokens.shape[1])
        if grid is None or len(grid) != len(sizes) or math.prod(grid) > count:
            asked = "as squares" if self.grid is None else f"as grid={self.grid}"
            checks.refuse(
                owner,
                f"the patches of `{path}` must tile the grid that is cut, {tuple(sizes)}, {asked}",
                f"{count} patches",
                "Give the numbers of patches along each axis that is cut, "
                f"{type(self).__name__}({self.layer!r}, grid=(…)); or FeatureWeights, for a "
                "network without a class token.",
            )
        return ops.reshape(tokens[:, count - math.prod(grid) :], [-1, *grid])


def _squares(sizes, count):
    """The numbers of equal squares, `count` in all, that tile a grid; None if they do not."""
    if None in sizes or not count:
        return None
    side = round((math.prod(sizes) / count) ** (1 / len(sizes)))
    grid = tuple(size // max(side, 1) for size in sizes)
    tiles = math.prod(grid) == count and [n * side for n in grid] == [*sizes]
    return grid if tiles else None


def _sizes(grid):
    if grid is None:
        return None
    if not isinstance(grid, Sequence) or isinstance(grid, str) or not grid:
        raise ValueError(
            "`grid` must be a tuple of the numbers of patches along each axis, such as (14, 14). "
            f"Received: grid={grid!r}"
        )
    return tuple(checks.integer("grid", size, low=1) for size in grid)
