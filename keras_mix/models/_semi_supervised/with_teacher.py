"""The base of models whose unlabeled targets come from a mean teacher."""

import keras
from keras import ops

from keras_mix._core import checks, layer_states
from keras_mix.models._forward.aside import outputs_aside
from keras_mix.models._semi_supervised import batches, mean_teacher
from keras_mix.models._semi_supervised.wrapper import COUNT, SemiSupervisedModel

PREDICT_WITH = ("teacher", "base")


class TaughtModel(SemiSupervisedModel):
    """A semi-supervised model with a mean teacher, which is saved with it.

    Args:
        model: As for `SemiSupervisedModel`, like all others but the last two.
        augmentation: Layer or None.
        unlabeled_weight: Float ≥ 0.
        ramp_up: Float or integer.
        seed: Integer or None.
        name: String or None.
        dtype: Dtype or None.
        teacher_decay: Float in [0, 1].
        predict_with: "teacher" or "base".
    """

    def __init__(
        self,
        model,
        augmentation,
        unlabeled_weight,
        ramp_up,
        seed,
        name,
        dtype,
        teacher_decay,
        predict_with,
    ):
        super().__init__(model, augmentation, unlabeled_weight, ramp_up, seed, name, dtype)
        self.teacher_decay = checks.number("teacher_decay", teacher_decay, high=1.0)
        self.predict_with = checks.choice("predict_with", predict_with, PREDICT_WITH)
        self.teacher = mean_teacher.of(self.owner, model)
        # The number of training steps in the teacher's average.
        self._averaged = self.add_weight(name="averaged", **COUNT)

    @property
    def predictor(self) -> keras.Model:
        """The model that `predict`, `evaluate` and `export` use."""
        return self.teacher if self.predict_with == "teacher" else self.base

    def taught(self, inputs):
        """float32 `(B, …, K)`, the probabilities by the teacher of all steps before this one."""
        self._average()
        return self.probabilities(outputs_aside(self.teacher, inputs, training=False))

    # On JAX, Keras calls nothing after a step that sees its weights, so that the teacher is given
    # those of a step before the next one, or before it predicts.
    def fit(self, *args, **kwargs):
        """Trains the model, as Keras does, and leaves a teacher that has all steps in it."""
        self._catch_up()
        history = super().fit(*args, **kwargs)
        self._catch_up()
        return history

    def evaluate(self, *args, **kwargs):
        """The loss and the metrics, as Keras gives them, of the teacher or the base."""
        self._catch_up()
        return super().evaluate(*args, **kwargs)

    def predict(self, *args, **kwargs):
        """The predictions, as Keras gives them, of the teacher or the base."""
        self._catch_up()
        return super().predict(*args, **kwargs)

    def _catch_up(self):
        """Gives the teacher what it does not have yet of the model's weights."""
        steps = int(self._steps)
        if steps == 0:
            layer_states.copy(self.owner, self.base, self.teacher)
        elif steps != int(self._averaged):
            self._average()

    def _average(self):
        steps, averaged = map(ops.convert_to_tensor, (self._steps, self._averaged))
        mean_teacher.update(self.teacher, self.base, self.teacher_decay, steps, averaged)
        # JAX updates variables in place, which must not share memory.
        self._averaged.assign(ops.copy(steps))

    def split_outputs(self, labeled, unlabeled):
        """The base's outputs for labeled samples, and its probabilities of unlabeled ones."""
        outputs = self.base(batches.joined([labeled, unlabeled]), training=True)
        first = batches.size_of(labeled)
        return outputs[:first], self.probabilities(outputs[first:])
