"""The base of all mixers: a Keras layer that draws a plan and applies it to every leaf."""

import abc
import functools

import tensorflow as tf

from keras_mix import compiling, fitting, keras_compat, leaves, sampling
from keras_mix import plan as plans
from keras_mix.layers import calls
from keras_mix.layers.configured import Configured
from keras_mix.layers.grids import batch_of, framed, refuse_idle_options
from keras_mix.layers.model_side import ModelSide
from keras_mix.layers.named_leaves import refuse_unknown, refuse_unknown_heads
from keras_mix.layers.sequence_specs import check_sequences
from keras_mix.layers.specs import sized, specs_of
from keras_mix.layers.traits import Traits
from keras_mix.layers.unbatched import refuse_single, refuse_zipped
from keras_mix.structure import fold, restored


class Mixer(Traits, Configured, ModelSide, abc.ABC):
    """Base of all mixers: mixes inputs, labels, masks and weights of a batch by one plan.

    A mixer of your own defines `sample`, which draws the plan of a batch, and `get_config` where
    it has arguments. Everything else is done here.

    A mixer is called as `layer(x)`, `layer(x, y)`, `layer(x, y, sample_weight)`, with a tuple of
    these, or with Keras's dict of "images", "labels", "segmentation_masks", "sample_weights", and
    returns the same structure; so `dataset.map(layer)` works on a batched dataset. Inputs and
    labels may be nested. What a leaf is follows from its place and dtype:

    - inputs: float of any rank, uint8 images of rank ≥ 3. Other integers are refused.
    - labels: integers (B,) or (B, 1) are class ids, one-hot encoded with `num_classes` or packed
      with `labels="pairs"`; integers (B, H, W) or (B, H, W, 1) are masks of class ids (of
      volumes (B, D, H, W)), which pasting mixers cut along; integers (B, K) are indicators of 0
      and 1; floats are values. Dense floats on the inputs' grid are cut along; others, such as
      keypoints (B, N, 2), are refused where inputs are cut.
    - what `kinds` names: "lengths" (B,) or "masks" (B, T) of padded sequences, "token_ids" (B, L),
      "frame_labels" (B, T, …): see `kinds`.
    - `sample_weight`, floats (B,): the mean of the sources' weights by the plan, so that the loss
      of a sample is its mixed weight times the loss of its mixed label. Floats of the shape of a
      target without its classes, (B, H, W) beside masks, are cut along with that target.

    Labels and weights come out as float32 (float64 stays), whatever the dtype policy. A single
    sample (B = 1) is its own partner: it comes out unmixed, but where sources are moved or filled.

    A plain `dataset.map(layer)` draws other numbers each epoch and no seed twice. Runs that
    repeat themselves and resume need `keras_mix.data.mix`.

    Raises:
        ValueError: For an argument out of range, and for a batch that cannot be mixed, before any
            work is done.

    Example:

    >>> @keras.saving.register_keras_serializable()
    ... class Average(keras_mix.layers.Mixer):
    ...     def sample(self, batch, seed):
    ...         partners = self.partners(batch, seed)
    ...         return keras_mix.plan.blend(partners, tf.fill([batch.size, 2], 0.5))
    >>> images = np.random.rand(8, 32, 32, 3).astype("float32")
    >>> images, labels = Average(num_classes=10)(images, np.arange(8))
    >>> labels.shape
    TensorShape([8, 10])
    """

    # Tells tf.data not to convert the layer, so that refusals reach users without a traceback of
    # converted code.
    autograph_info__ = None

    @abc.abstractmethod
    def sample(self, batch, seed):
        """Draws the plan of one batch: all that a mixer has to define.

        Args:
            batch: A `keras_mix.batch.Batch`.
            seed: int32[2], to be split, one seed for each draw.

        Returns:
            A `keras_mix.plan.Plan`.
        """

    def batch(self, own, donors, crossed):
        """What `sample` sees of leaves, its own and the donors', as `keras_mix.batch.Leaf`s."""
        return batch_of(self, own, donors, crossed)

    def specs(self, own, crossed=False):
        """How each leaf is treated: a list of `keras_mix.leaves.Spec`."""
        return specs_of(self, own, crossed)

    def sized(self, own, specs):
        """The leaves, behind checks of sizes that are unknown until a graph runs."""
        return sized(self, own, specs)

    def partners(self, batch, seed, number=1):
        """int32 [B], the donor of each sample by the layer's pairing: its `number`-th."""
        if batch.partners is not None:
            return batch.partners
        if not isinstance(self.pairing, str):
            return self.pairing.draw(batch, seed, number)
        sizes = batch.size, batch.donors
        return sampling.partners(seed, self.pairing, *sizes, batch.crossed, number)

    def ratio(self, batch, seed):
        """float32 [draws], λ from Beta(α, α) with the layer's `alpha`; or the one that is given."""
        return sampling.beta(seed, self.alpha, batch.draws) if batch.ratio is None else batch.ratio

    def all_partners(self, batch, seed):
        """int32 [B, S - 1], all donors of each sample, drawn independently."""
        seeds = sampling.split(seed, self.num_sources - 1)
        if batch.partners is None and not isinstance(self.pairing, str):
            columns = self.pairing.draw_all(batch, seeds)
        else:
            columns = [self.partners(batch, s, number) for number, s in enumerate(seeds, start=1)]
        return tf.concat([column[:, None] for column in columns], axis=1)

    def compiled(self, function, batch, *arguments):
        """`function(*arguments, grid)`, compiled where applying a plan is.

        For what a mixer does place by place, such as rendering a region and counting it.
        """
        fixed = all(isinstance(size, int) for size in batch.grid)
        function = functools.partial(function, grid=batch.grid)
        return _compiled(function, arguments, fixed and batch.jit_compile)

    def pasted(self, region, batch, partners, *arguments):
        """The plan that pastes `region(*arguments, grid)`, which is made and counted compiled."""
        return self.compiled(functools.partial(_pasted, region), batch, partners, *arguments)

    def __call__(self, *args, **kwargs):
        calls.refuse_other_backends(self, args, kwargs)
        args, kwargs = calls.as_tensors(self.owner, args, kwargs)
        return super().__call__(*args, **kwargs)

    def call(self, x, y=None, sample_weight=None, training=None, seed=None, partners=None):
        """Mixes a batch.

        Args:
            x: The inputs; or a dict, or a tuple (x, y) or (x, y, sample_weight), if alone.
            y: The labels.
            sample_weight: The samples' weights.
            training: Whether to mix. If False, labels take the same form and inputs the same
                dtype, so that a validation set fits the same loss; nothing is mixed or smoothed.
                Defaults to True where the layer is called by itself, and inside a model to what
                the model is called with (False if nothing is said).
            seed: An integer, or two of them as a tensor int32[2], that alone decides all draws.
                Defaults to None: the next of the layer's own sequence.
            partners: A second batch (same forms) that the partners come from. Where it has no
                labels or weights, those of the first are kept. Defaults to the batch itself.
        """
        structure, pack = calls.arranged(x, y, sample_weight)
        structure = fold(structure)
        refuse_zipped(self.owner, structure)
        alone = keras_compat.entry_layer() in (None, self)
        refuse_unknown(self, structure, self._reader.names(structure), alone)
        own = self._reader.read(structure)
        refuse_unknown_heads(self, own)
        # The first axis of what Keras asks the output's shape of is that of the batch.
        if alone and not keras_compat.in_symbolic_scope():
            refuse_single(self, own)
        own = framed(self, own)
        refuse_idle_options(self, own)
        calls.refuse_unused_label_rule(self, own)
        specs = self.specs(own, crossed=partners is not None)
        own = donors = self.sized(own, specs)
        if partners is not None:
            calls.refuse_unused_partners(self)
            donors = framed(self, self._reader.read_partners(fold(partners), own))
            # Their values are checked as those of the first batch are.
            self.specs([donor or leaf for donor, leaf in zip(donors, own, strict=True)])
        check_sequences(self, own, donors)
        plan = None
        if alone if training is None else training:
            if not alone:
                calls.refuse_lost_labels(self, structure)
            batch = self.batch(own, donors, crossed=partners is not None)
            plan = self.draw(batch, self.seed_of_call(seed), fit=self._fit(own, donors, specs))
        results = self._results(plan, own, donors, specs)
        results = [
            restored(given, found)
            for given, found in zip(tf.nest.flatten(structure), results, strict=True)
        ]
        return pack(tf.nest.pack_sequence_as(structure, results))

    def draw(self, batch, seed, rate=None, fit=None):
        """The plan of a batch: the mixer's `sample`, some of it left unmixed by the rate.

        The label rule reads the weights that are counted over valid places.

        Args:
            batch: A `keras_mix.batch.Batch`.
            seed: int32[2].
            rate: A scalar tensor in the place of the layer's rate.
            fit: A function that discounts padding from a plan. Defaults to None: there is none.
        """
        batch = batch._replace(draws=1 if self.per == "batch" else batch.size)
        mixed = None
        if rate is not None or self.rate != 1.0:
            seed, chance = sampling.split(seed, 2)
            mixed = sampling.coin(chance, self.rate if rate is None else rate, batch.draws)
        plan = self.sample(batch, seed)
        if fit is not None:
            plan = fit(plan)
        if self.label_rule is not None:
            plan = plan.relabelled(functools.partial(self.label_rule.weights, batch))
        if batch.crossed and not isinstance(self.pairing, str):
            found = self.pairing.finds(batch)
            mixed = found if mixed is None else mixed & found
        if mixed is None:
            return plan
        return plans.keep_unmixed(plan, mixed, batch.grid, batch.crossed)

    def _fit(self, own, donors, specs):
        """What discounts padding from a plan, as the leaves tell it."""
        chosen = [index for index, spec in enumerate(specs) if fitting.tells_padding(spec)]
        if self.mixes_tables:
            # Columns of a table have no padding.
            chosen = []
        tensors = [leaf.tensor for leaf in own if leaf.kind != "passthrough"]
        once = self.jit_compile and compiling.compiles_once(tensors)
        return functools.partial(
            fitting.fitted,
            own=[own[index].tensor for index in chosen],
            donors=[donors[index].tensor for index in chosen],
            specs=[specs[index] for index in chosen],
            compiled=lambda function, *arguments: _compiled(function, arguments, once),
        )

    def _results(self, plan, own, donors, specs):
        """All leaves as they come out: mixed by the plan, if there is one."""
        mixed = {} if plan is None else self._mixed(plan, own, donors, specs)
        unmixed = leaves.form if plan is None else leaves.kept
        return [
            mixed[index] if index in mixed else unmixed(leaf.tensor, spec)
            for index, (leaf, spec) in enumerate(zip(own, specs, strict=True))
        ]

    def _mixed(self, plan, own, donors, specs):
        """The mixed tensors by their index among the leaves; what is not mixed is left out."""
        chosen = [
            index
            for index, donor in enumerate(donors)
            if donor is not None and specs[index].kind != "passthrough"
        ]
        arguments = (
            plan,
            [own[index].tensor for index in chosen],
            [donors[index].tensor for index in chosen],
        )
        apply = functools.partial(leaves.mix, specs=[specs[index] for index in chosen])
        compiles = self.jit_compile and compiling.compiles_once(arguments[1])
        mixed = _compiled(apply, arguments, compiles)
        return dict(zip(chosen, mixed, strict=True))


def _compiled(function, arguments, compiles):
    if compiles and tf.inside_function() and compiling.available():
        function = compiling.compiled(function)
    return function(*arguments)


def _pasted(region, partners, *arguments, grid):
    return plans.paste(partners, region(*arguments, grid))
