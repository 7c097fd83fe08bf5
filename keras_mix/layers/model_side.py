"""What models ask of a mixer: a plan for hidden values, applied to them and to targets."""

import tensorflow as tf

from keras_mix import targets
from keras_mix.layers.grids import grid_of, leaf_of_the_grid
from keras_mix.layers.sequence_specs import check_sequences
from keras_mix.portions import Grid


class ModelSide:
    """The methods of a mixer for callers that apply its plan outside of the layer's own call."""

    def plan(self, x, seed, rate=None):
        """Draws the plan of a batch of inputs.

        Args:
            x: The inputs, as in `call`.
            seed: int32[2].
            rate: A scalar tensor that replaces the layer's rate.

        Returns:
            A `keras_mix.plan.Plan`.
        """
        own, specs = self._inputs(x)
        check_sequences(self, own)
        seed = self.seed_of_call(seed)
        fit = self._fit(own, own, specs)
        return self.draw(self.batch(own, own, crossed=False), seed, rate, fit)

    def apply(self, plan, x):
        """Applies a plan to inputs; with `plan=None` they are only cast to the output dtype."""
        own, specs = self._inputs(x)
        return tf.nest.pack_sequence_as(x, self._results(plan, own, own, specs))

    def grid(self, plan, x):
        """The `keras_mix.portions.Grid` of a plan's region on the inputs; None if it has none."""
        if self.mixes_tables:
            return None if plan.region is None else self._columns(x)
        if self.erases or not self.draws_regions:
            return None
        if self.grid_rank is None:
            return Grid(None)
        main = leaf_of_the_grid(self, self._reader.read((x,)))
        sizes, axes = grid_of(self, main)
        sizes = tuple(size if isinstance(size, int) else None for size in sizes)
        return Grid(sizes, axes, self.data_format == "channels_first")

    def portions(self, plan, target, fit):
        """The portions of a target under a plan: see `keras_mix.targets.portions`."""
        return targets.portions(plan, target, fit)

    def _columns(self, x):
        own = self._reader.read((x,))
        shape = own[0].tensor.shape
        one = len(own) == 1 and shape.rank == 2
        return Grid((shape[1],), (1,)) if one else Grid(None)

    def _inputs(self, x):
        """The leaves of inputs alone, and how each is treated."""
        own = self._reader.read((x,))
        specs = self.specs(own)
        return self.sized(own, specs), specs
