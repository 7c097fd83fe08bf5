"""The base of models whose unlabeled targets come from a mean teacher."""

import keras

from keras_mix._core import checks
from keras_mix.models._forward.aside import outputs_aside
from keras_mix.models._semi_supervised import batches, mean_teacher
from keras_mix.models._semi_supervised.wrapper import SemiSupervisedModel

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

    @property
    def predictor(self) -> keras.Model:
        """The model that `predict`, `evaluate` and `export` use."""
        return self.teacher if self.predict_with == "teacher" else self.base

    def taught(self, inputs, steps):
        """float32 `(B, …, K)`, the probabilities by the teacher of all steps before this one."""
        mean_teacher.update(self.teacher, self.base, self.teacher_decay, steps)
        return self.probabilities(outputs_aside(self.teacher, inputs, training=False))

    def split_outputs(self, labeled, unlabeled):
        """The base's outputs for labeled samples, and its probabilities of unlabeled ones."""
        outputs = self.base(batches.joined([labeled, unlabeled]), training=True)
        first = batches.size_of(labeled)
        return outputs[:first], self.probabilities(outputs[first:])
