"""What is done at a mix point by a mixer of the previous mixed batch."""

import functools

import keras
from keras import ops

from keras_mix._core import checks
from keras_mix.models._forward.blends import ByMixer
from keras_mix.models._forward.previous_batch import PreviousBatch
from keras_mix.models._targets.recursive_mixture import SAMPLES, RecursiveMixture, prepare_labels


class RecursiveBlend(ByMixer):
    """The plan of a mixer whose partners are the previous batch; see `ByMixer`.

    Args:
        owner: The wrapper's name, for messages.
        mixer: A layer of `keras_mix.layers`.
        alpha: None, since its λ is no draw of Beta.
        kinds: The kinds of inputs, beside the mixer's own.
    """

    def __init__(self, owner, mixer, alpha, kinds):
        super().__init__(mixer, alpha, kinds)
        self.previous = PreviousBatch(owner)

    @property
    def variables(self):
        return self.previous.variables

    def prepare(self, inputs):
        samples = self._sole(inputs)
        dtype = keras.backend.standardize_dtype(samples.dtype)
        self.previous.prepare(SAMPLES, samples.shape, dtype)

    def prepare_labels(self, y, y_pred):
        pairs = zip(keras.tree.flatten(y), keras.tree.flatten(y_pred), strict=False)
        for number, (labels, prediction) in enumerate(pairs):
            prepare_labels(self.previous, number, labels, prediction)

    def plan(self, value, seed, rate):
        """The mixer's plan, in which partners are samples of the previous batch, if there is one.

        The pool that `sources` counts is the batch, followed by the kept samples.
        """
        self.prepare(value)
        plan = super().plan(value, seed, rate)
        own, partners = plan.sources[:, 0], plan.sources[:, 1]
        count, size = self.previous.count, ops.shape(own)[0]
        earlier = size + partners % ops.maximum(count, 1)
        drawn = (plan.weights[:, 1] > 0) & (count > 0)
        partners = ops.where(drawn, earlier, partners)
        return plan._replace(sources=ops.stack([own, partners], axis=1))

    def apply_to(self, plan, value):
        previous = [self.previous.part(SAMPLES)]
        return self.mixer.apply_plan(plan, value, keras.tree.pack_sequence_as(value, previous))

    def mixture_of(self, inputs):
        return functools.partial(RecursiveMixture, self.previous, self._sole(inputs))

    def _sole(self, value):
        (first, *others) = keras.tree.flatten(value)
        if others:
            checks.refuse(
                self.previous.owner,
                f"{self.given.owner} mixes one input",
                f"{1 + len(others)} inputs",
                'Name it, mix_at=["input/…"], or mix in the dataset: keras_mix.data.mix(dataset, '
                "mixer).",
            )
        return first
