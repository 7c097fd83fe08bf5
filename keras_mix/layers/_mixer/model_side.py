"""What models ask of a mixer: a plan for hidden values, applied to them and to targets."""

from keras_mix._core.backend import namespaces
from keras_mix._core.batch.region_grid import grid_of
from keras_mix._core.batch.structure import Structure
from keras_mix._core.leaves import target_portions
from keras_mix._core.leaves.sequence_checks import check_sequences
from keras_mix._core.ops.target_portions import Grid
from keras_mix._core.plan.map_weights import weights_by_map
from keras_mix.layers._mixer.reading import read_inputs


class ModelSide:
    """The methods of a mixer for callers that apply its plan outside of the layer's own call."""

    @namespaces.of_arguments
    def plan(self, x, seed, rate=None):
        """Draws the plan of a batch of inputs.

        Args:
            x: The inputs, as in `call`.
            seed: int32[2].
            rate: A scalar tensor that replaces the layer's rate.

        Returns:
            A `keras_mix.plans.Plan`.
        """
        found = read_inputs(self, x)
        check_sequences(self, found)
        return self.draw(self.batch(found), self.seed_of_call(seed), rate)

    @namespaces.of_arguments
    def apply_plan(self, plan, x, second=None):
        """Applies a plan to inputs; with `plan=None` they are only cast to the output dtype.

        Args:
            plan: A plan, or None.
            x: The inputs, as in `call`.
            second: The inputs of further samples that the plan's sources count after those of `x`.
        """
        found = read_inputs(self, x)
        if second is not None:
            found = found._replace(second=read_inputs(self, second).leaves)
        return found.packed(self.unmixed(found) if plan is None else self.mixed(plan, found))

    @namespaces.of_arguments
    def grid(self, plan, x):
        """The `target_portions.Grid` of a plan's region on the inputs; None if it has none."""
        if self.mixes_tables:
            return None if plan.of("columns").region is None else self._columns(x)
        if self.erases or not self.draws_regions:
            return None
        if self.grid_rank is None:
            return Grid(None)
        grid = grid_of(self, self.reader.read(Structure((x,))))
        return Grid(grid.known, grid.axes, self.data_format == "channels_first")

    @namespaces.of_arguments
    def portions(self, plan, target, fit):
        """The portions of a target under a plan: see `targets.portions`."""
        return target_portions.portions(plan, target, fit)

    @namespaces.of_arguments
    def weights_by_map(self, plan, values):
        """The weights of sources by a map of the mixed inputs: see `map_weights.weights_by_map`."""
        return weights_by_map(plan, values)

    def _columns(self, x):
        own = self.reader.read(Structure((x,)))
        shape = own[0].tensor.shape
        one = len(own) == 1 and len(shape) == 2
        return Grid((shape[1],), (1,)) if one else Grid(None)
