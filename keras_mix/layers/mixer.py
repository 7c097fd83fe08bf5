"""The base of all mixers: a Keras layer that draws a plan and applies it to every leaf."""

import abc
import functools
from typing import Any

from keras_mix._core import dtypes, keras_compat
from keras_mix._core.backend import Tensor, namespaces, xp
from keras_mix._core.batch import call_forms
from keras_mix._core.draw import random
from keras_mix._core.leaves import rules
from keras_mix._core.plan import plan as plans
from keras_mix.layers._mixer import drawn_plans
from keras_mix.layers._mixer.model_side import ModelSide
from keras_mix.layers._mixer.reading import batch_of, read
from keras_mix.layers._mixer.traits import Traits


class Mixer(Traits, ModelSide):
    """Base class of all mixers.

    A mixer combines the samples of a batch and applies one plan to inputs, labels, masks and sample
    weights alike. A mixer of your own subclasses it and defines `sample`, which draws the plan of a
    batch. Keras saves the arguments of its constructor that it keeps as attributes of the same
    names; `get_config` adds others.

    A mixer is called as `layer(x)`, `layer(x, y)` or `layer(x, y, sample_weight)`, with a tuple of
    these, or with Keras's dict of "images", "labels", "segmentation_masks" and "sample_weights". It
    returns the same structure, so `dataset.map(layer)` works on a batched dataset. Inputs and
    labels may be nested. What a tensor is follows from its role and dtype:

    - Inputs: floats of any rank, or uint8 images of rank ≥ 3. Other integers are refused.
    - Labels: integers `(B,)` or `(B, 1)` are class ids, one-hot encoded with `num_classes` or
      packed with `label_mode="pairs"`. Integers `(B, H, W)` or `(B, H, W, 1)` are segmentation
      masks (`(B, D, H, W)` for volumes), which mixers that paste cut together with the inputs.
      Integers `(B, K)` are indicators of 0 and 1. Floats `(B,)`, `(B, 1)` and `(B, K)` are numbers
      and label vectors, averaged by the mixing weights. Float maps of the inputs' size are cut with
      them. Mixers that cut refuse other floats that are not labels, unless `kinds` names them, for
      example as "keypoints".
    - Sample weights, floats `(B,)`: averaged by the mixing weights, so that the loss of a sample is
      its mixed weight times the loss of its mixed label. Weights of the shape of a target without
      its classes, such as `(B, H, W)` beside masks, are cut together with that target.
    - Whatever `kinds` names: see that argument.

    Labels and sample weights come out as float32 (float64 stays), whatever the dtype policy. A
    single sample (B = 1) is its own partner: it comes out unmixed, except where sources are moved
    or filled.

    `dataset.map(layer)` draws different numbers in each epoch. For runs that are reproducible and
    can be resumed, use `keras_mix.data.mix`.

    Attributes:
        grid_rank: Integer. Number of spatial axes that the regions of its plans cover: 2 for height
            and width, 1 for time. Required if plans have a region. Defaults to None: no region.
        pastes: Boolean. Whether each position comes from exactly one source, so that inputs keep
            their dtype. Defaults to False.
        moves: Boolean. Whether sources are moved or resized, so that a sample changes even if it is
            its own partner. Defaults to False.
        erases: Boolean. Whether the mixer only fills inputs and keeps targets. Defaults to False.
        smallest_grid: Integer ≥ 1. Smallest size of each axis that a region covers. Defaults to 1.
        num_sources: Integer ≥ 2. Number S of sources of a sample, itself included. Defaults to 2.

    Raises:
        ValueError: If an argument is out of range, or if a batch cannot be mixed; raised before any
            work is done.

    Example:

    >>> @keras.saving.register_keras_serializable()
    ... class Average(keras_mix.layers.Mixer):
    ...     def sample(self, batch, seed):
    ...         partners = self.partners(batch, seed)
    ...         return keras_mix.plans.blend(partners, tf.fill([batch.size, 2], 0.5))
    >>> images = np.random.rand(8, 32, 32, 3).astype("float32")
    >>> images, labels = Average(num_classes=10)(images, np.arange(8))
    >>> labels.shape
    TensorShape([8, 10])
    """

    # Tells tf.data not to convert the layer, so that refusals reach users without a traceback of
    # converted code.
    autograph_info__ = None

    # `abc` would check this too, but its metaclass hides the arguments from editors.
    def __new__(cls, *args, **kwargs):
        if cls.sample is Mixer.sample:
            raise TypeError(
                f"{cls.__name__}: a mixer must define `sample(batch, seed)`, which draws the plan "
                f"of a batch. Received: the class {cls.__name__} without it. Subclass it and "
                "define `sample`, as the example of `keras_mix.layers.Mixer` does."
            )
        return super().__new__(cls, *args, **kwargs)

    @abc.abstractmethod
    def sample(self, batch, seed):
        """Draws the plan of one batch; every mixer defines this method.

        Args:
            batch: A `keras_mix.plans.Batch`.
            seed: int32[2]. Split it into one seed for each draw.

        Returns:
            A `keras_mix.plans.Plan`.
        """

    def check(self, leaves):
        """Refuses leaves that this mixer, unlike others, cannot mix. By default it refuses none."""

    # Overridden by `CrossModalMix`: how leaves are bound to their rules, how sizes that are unknown
    # until a graph runs are checked, and what batch `sample` is given.
    bind = rules.bind
    sized = rules.sized
    batch = batch_of

    def partners(self, batch, seed, number=1):
        """Draws a partner for each sample by the layer's `pairing`.

        Args:
            batch: A `keras_mix.plans.Batch`.
            seed: int32[2].
            number: Integer ≥ 1. Which of a sample's partners to draw, if it has several. Defaults
                to 1.

        Returns:
            int32 `(B,)`, indices as in `Plan.sources`: samples of a second batch follow those of
            the first.
        """
        if isinstance(self.pairing, str):
            sizes = batch.size, batch.donors
            drawn = random.partners(seed, self.pairing, *sizes, batch.has_second_batch, number)
        else:
            drawn = self.pairing.draw(batch, seed, number)
        return drawn + batch.size if batch.has_second_batch else drawn

    def all_partners(self, batch, seed):
        """Draws all S - 1 partners of each sample, independently: int32 `(B, S - 1)`."""
        if self.num_sources == 2:
            return xp.expand_dims(self.partners(batch, seed), 1)
        seeds = random.split(seed, self.num_sources - 1)
        if isinstance(self.pairing, str):
            columns = [self.partners(batch, s, number) for number, s in enumerate(seeds, start=1)]
        else:
            drawn = self.pairing.draw_all(batch, seeds)
            columns = [column + batch.first_donor for column in drawn]
        return xp.concat([column[:, None] for column in columns], axis=1)

    def compiled(self, function, batch, *arguments):
        """Calls `function(*arguments, grid=batch.grid)`, compiled by XLA if plans are applied so.

        It is for work on each pixel, such as rendering a region and counting it.
        """
        fixed = all(isinstance(size, int) for size in batch.grid)
        function = functools.partial(function, grid=batch.grid)
        return xp.call_compiled(function, arguments, fixed and batch.jit_compile)

    def pasted(self, region, batch, partners, *arguments):
        """The plan that pastes along the region `region(*arguments, grid=batch.grid)`, compiled."""
        return self.compiled(functools.partial(_pasted, region), batch, partners, *arguments)

    @namespaces.of_arguments
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        args, kwargs = call_forms.as_tensors(self.owner, args, kwargs)
        return super().__call__(*args, **kwargs)

    def call(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        training: bool | None = None,
        seed: int | Tensor | None = None,
        partners: Any = None,
    ) -> Any:
        """Mixes a batch.

        Args:
            x: Tensor, dict or nested structure. Inputs; as the only argument also a tuple (x, y) or
                (x, y, sample_weight).
            y: Labels, in any structure. Defaults to None.
            sample_weight: Sample weights. Defaults to None.
            training: Boolean. Whether to mix. If False, nothing is mixed or smoothed, but labels
                take the same form and inputs the same dtype, so that a validation set can use the
                same loss. Defaults to True if the layer is called by itself; inside a model, to the
                model's own `training`, and to False if that is not given.
            seed: Integer, or tensor int32[2]. Determines all draws of this call. Defaults to None:
                the next seed of the layer's own sequence.
            partners: A second batch, in any of the forms above, from which partners are drawn. If
                it has no labels or weights, those of the first are kept; if it has no boxes,
                keypoints or instance masks, its samples show no objects. Defaults to None: partners
                are drawn from the batch itself.

        Returns:
            The batch, in the structure in which it was passed.
        """
        alone = keras_compat.entry_layer() in (None, self)
        symbolic = keras_compat.in_symbolic_scope()
        found = read(self, x, y, sample_weight, partners, alone, symbolic)
        if not (alone if training is None else training):
            return found.packed(self.unmixed(found))
        # A train step of JAX calls the layers of a model, and not the model.
        in_step = keras_compat.in_stateless_scope() and not symbolic
        if in_step or not alone:
            call_forms.refuse_lost_labels(self, found.structure)
        plan = self.draw(self.batch(found), self.seed_of_call(seed))
        return found.packed(self.mixed(plan, found))

    def draw(self, batch, seed, rate=None):
        """The plan of a batch, complete: `mixed` only applies it.

        It is sampled, counted over valid time steps and weighted by the label rule; the rate leaves
        some samples unmixed.

        Args:
            batch: A `keras_mix.plans.Batch`.
            seed: int32[2].
            rate: A scalar tensor that replaces the layer's rate.
        """
        batch = batch._replace(draws=1 if self.per == "batch" else batch.size)
        mixed = None
        if rate is not None or self.rate != 1.0:
            seed, chance = random.split(seed, 2)
            mixed = random.coin(chance, self.rate if rate is None else rate, batch.draws)
        plan = self.sample(batch, seed)
        drawn_plans.check(self, plan, batch.grid)
        if batch.validity is not None:
            plan = self._discounted(plan, batch)
        if self.label_rule is not None:
            plan = plan.relabelled(functools.partial(self.label_rule.weights, batch))
        if batch.has_second_batch and not isinstance(self.pairing, str):
            # Which samples have a partner in the second batch.
            paired = self.pairing.finds(batch)
            mixed = paired if mixed is None else mixed & paired
        return plan if mixed is None else plan.keep(mixed, batch.grid)

    def mixed(self, plan, found):
        """The leaves of a `reading.Reading` as a plan mixes them.

        A leaf that the second batch does not have is only smoothed.
        """
        results, pools = [None] * len(found.rules), found.pools
        chosen = found.mixed
        # XLA knows no strings.
        texts = [n for n in chosen if dtypes.of(pools[n].own) == "string"]
        for part in filter(None, (texts, [n for n in chosen if n not in texts])):
            given = [pools[number] for number in part]
            apply = functools.partial(rules.apply, rules=[found.rules[number] for number in part])
            compiles = self.jit_compile and xp.compiles_once([pool.own for pool in given])
            for number, result in zip(
                part, xp.call_compiled(apply, (plan, given), compiles), strict=True
            ):
                results[number] = result
        for number, rule in enumerate(found.rules):
            if number not in chosen:
                results[number] = rule.smooth(rule.form(found.leaves[number].tensor))
        return results

    def unmixed(self, found):
        """The leaves of a `reading.Reading`, in the form of mixed ones."""
        pairs = zip(found.rules, found.leaves, strict=True)
        return [rule.form(leaf.tensor) for rule, leaf in pairs]

    def _discounted(self, plan, batch):
        """The plan with padding excluded from its weights."""
        tensors = [pool.own for pool in batch.validity.pools]
        compiles = self.jit_compile and xp.compiles_once([*tensors, batch.images])

        def call(function, *arguments):
            return xp.call_compiled(function, arguments, compiles)

        return plan.map(lambda each: batch.validity.discount(each, call))


def _pasted(region, partners, *arguments, grid):
    return plans.paste(partners, region(*arguments, grid))
