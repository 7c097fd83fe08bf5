"""Distillation."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import keras
from keras import ops
from typing_extensions import Unpack

from keras_mix._core import checks, keras_compat
from keras_mix._core.ops.divergence import kl_divergence
from keras_mix._core.options import argument_errors
from keras_mix.models._forward.aside import outputs_aside
from keras_mix.models._forward.trained_base import train_base_alone
from keras_mix.models._options import teacher_checks
from keras_mix.models._options.option_types import MixingOptions
from keras_mix.models._points.inputs import is_input
from keras_mix.models._targets import keras_losses
from keras_mix.models.mixing_model import MixingModel

if TYPE_CHECKING:  # Mixers import TensorFlow, which models do without.
    from keras_mix.layers import Mixer


@keras.saving.register_keras_serializable(package="keras_mix")
@argument_errors.name_class
@train_base_alone
class Distillation(MixingModel):
    """Trains a model, the student, to predict what a trained one, the teacher, does on mixtures.

    Teacher and student see the same mixed inputs, so that the student learns the teacher's function
    between the samples, too ("function matching"). The loss of an output is
    (1 - w) · loss(labels) + w · T² · KL(teacher ‖ student), where w is `teacher_weight`. The
    temperature T softens both predictions of the divergence; the factor T² keeps the gradients of
    both terms in proportion, whatever T is. Labels are mixed as in `MixingModel`. Each sample's
    divergence is weighted by its mixed sample weight and class weight.

    The teacher runs in inference mode and never changes: its weights are neither trained nor
    counted as trainable, its batch statistics are not updated, and its own losses do not count. It
    is saved with the model, so that training goes on after loading. `model.base` is the student;
    `evaluate`, `predict` and `export` use it alone, `evaluate` with the loss of `compile`.

    Outputs are predictions of classes along the last axis, or of independent binary labels if the
    loss is one of Keras's binary cross-entropies. Each of several heads is matched with that of the
    same name of the teacher.

    Args:
        model: Keras model. The student to train: sequential, functional or subclassed.
        teacher: Keras model that is built, with outputs of the student's structure and shapes. It
            takes the student's inputs. Required.
        mixer: Layer of `keras_mix.layers`, or list of them, of which each batch draws one;
            Defaults to None, the blend.
        mix_at: List of mix points, as in `MixingModel`, all of them inputs: "input", or
            "input/image" and other single inputs. Hidden values of the student have no counterpart
            in the teacher. Defaults to None: "input".
        alpha: Float ≥ 0, or a pair of floats > 0. Concentration α of Beta(α, α), or (a, b) of
            Beta(a, b); 0 distills without mixing. Defaults to None: the mixer's own; for the blend
            1, as in the authors' configuration.
        per: "batch" or "sample". Whether λ of the blend is shared by the batch, as in the authors'
            code, or drawn for each sample. Refused if no mix point is blended. Defaults to "batch".
        temperature: Float > 0. The temperature T of both predictions. Defaults to 1, the authors'
            for ImageNet.
        teacher_weight: Float in (0, 1]. The weight w of the teacher. Defaults to 1: labels serve
            the metrics alone, as in the paper, and a model of one output that is compiled without
            metrics trains on inputs alone, `fit(x)`.
        from_logits: Boolean. Whether the student's outputs are logits instead of probabilities.
            Defaults to False.
        teacher_from_logits: Boolean. Whether the teacher's outputs are. Defaults to None: as the
            student's.
        **kwargs: The other arguments of `MixingModel`.

    Attributes:
        teacher: The teacher.

    Raises:
        ValueError: As for `MixingModel`; if the teacher's inputs differ from the student's in
            width, or its outputs in structure or width; if it is not built, or shares weights with
            the student; if `from_logits` contradicts the loss or the activation of the last layer;
            if a mix point is not an input; if labels are missing that the loss or metrics read.

    Example:

    >>> def network(width):
    ...     return keras.Sequential([
    ...         keras.Input((20,)), keras.layers.Dense(width, activation="relu"),
    ...         keras.layers.Dense(3, activation="softmax"),
    ...     ])
    >>> teacher, student = network(64), network(8)  # The teacher would be trained first.
    >>> model = keras_mix.models.Distillation(student, teacher=teacher, temperature=2.0)
    >>> model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    >>> history = model.fit(np.random.rand(64, 20), np.arange(64) % 3, verbose=0)

    Reference:
        Beyer et al., "Knowledge distillation: A good teacher is patient and consistent", CVPR 2022,
        arXiv:2106.05237, section 3; the authors' code (google-research/big_vision,
        `configs/proj/distill/bit_i1k.py`). Hinton et al., "Distilling the Knowledge in a Neural
        Network", arXiv:1503.02531, section 2: the temperature and T².
    """

    default_alpha = 1.0
    default_per = "batch"

    def __init__(
        self,
        model: keras.Model,
        *,
        teacher: keras.Model,
        mixer: "Mixer | Sequence[Mixer] | None" = None,
        mix_at: Sequence[Any] | None = None,
        alpha: float | tuple[float, float] | None = None,
        keep_major: bool = False,
        pairing: Literal["shuffle", "derange", "reverse", "roll"] = "shuffle",
        per: Literal["sample", "batch"] = "batch",
        temperature: float = 1.0,
        teacher_weight: float = 1.0,
        from_logits: bool = False,
        teacher_from_logits: bool | None = None,
        **kwargs: Unpack[MixingOptions],
    ) -> None:
        self.temperature = checks.positive("temperature", temperature)
        self.teacher_weight = checks.positive(
            "teacher_weight", checks.number("teacher_weight", teacher_weight, high=1.0)
        )
        self.from_logits = checks.boolean("from_logits", from_logits)
        self.teacher_from_logits = checks.boolean(
            "teacher_from_logits",
            from_logits if teacher_from_logits is None else teacher_from_logits,
        )
        super().__init__(
            model,
            mixer=mixer,
            mix_at=mix_at,
            alpha=alpha,
            keep_major=keep_major,
            pairing=pairing,
            per=per,
            **kwargs,
        )
        teacher_checks.check_teacher(self.owner, teacher, model)
        self._heads = teacher_checks.heads_of(model), teacher_checks.heads_of(teacher)
        if all(heads is None or len(heads) == 1 for heads in self._heads):
            # Of several heads some may have no loss.
            self._check_logits(0)
        hidden = [
            name
            for point in self._choices.points
            for layer, name in zip(point.layers, point.names, strict=True)
            if not is_input(layer)
        ]
        if hidden:
            checks.refuse(
                self.owner,
                "the teacher sees what the student sees, so mix points must be inputs",
                f"the layers {hidden}",
                'Pass mix_at=["input"].',
            )
        self.teacher = teacher

    def completed(self, outputs, forward_pass, mixture):
        """The student's outputs; the loss finds the teacher's beside them."""
        taught = outputs_aside(self.teacher, forward_pass.inputs, training=False)
        teacher_checks.check_outputs(self.owner, taught, outputs)
        mixture.accompany(outputs, taught)
        mixture.needs_labels = self.teacher_weight < 1
        return outputs

    def objective(self, loss, y_pred):
        """(1 - w) · loss(labels) + w · T² · KL(teacher ‖ student)."""
        stated = keras_losses.takes_logits(loss.compiled)
        if stated not in (None, self.from_logits):
            checks.refuse(
                self.owner,
                "`from_logits` must be that of the loss",
                f"from_logits={self.from_logits}, and from_logits={stated} of the loss "
                f"{loss.compiled.name!r}",
                f"Pass from_logits={stated}.",
            )
        mixture = loss.target.mixture
        self._check_logits(mixture.position(y_pred))
        taught = mixture.companion(y_pred)
        binary = keras_losses.reads_indicators(loss.compiled)
        if len(y_pred.shape) < 2 or (y_pred.shape[-1] == 1 and not binary):
            checks.refuse(
                self.owner,
                "outputs must be predictions of classes along the last axis, of a single one only "
                "under a binary cross-entropy",
                f"{checks.described(y_pred)} with the loss {loss.compiled.name!r}",
            )
        divergence = kl_divergence(
            ops.cast(taught, loss.base.dtype),
            ops.cast(y_pred, loss.base.dtype),
            temperature=self.temperature,
            from_logits=(self.teacher_from_logits, self.from_logits),
            binary=binary,
        )
        total = self.teacher_weight * self.temperature**2 * loss.reduced(divergence, y_pred)
        if self.teacher_weight < 1:
            total += (1.0 - self.teacher_weight) * loss.of_mixed(y_pred)
        return total

    def measure(self, mixture, x, y, y_pred, sample_weight):
        self._check_metrics(y)
        super().measure(mixture, x, y, y_pred, sample_weight)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """The metrics, as `MixingModel` has them; they need labels."""
        self._check_metrics(y)
        return super().compute_metrics(x, y, y_pred, sample_weight)

    def _check_metrics(self, y):
        if y is None and keras_compat.compiles_metrics(self):
            checks.refuse(
                self.owner,
                "there must be labels for the metrics",
                "y=None",
                "Compile without metrics to train on inputs alone.",
            )

    @classmethod
    def from_config(cls, config, custom_objects=None):
        teacher = keras.saving.deserialize_keras_object(
            config["teacher"], custom_objects=custom_objects
        )
        return super().from_config({**config, "teacher": teacher}, custom_objects)

    def _check_logits(self, number):
        options = {
            "from_logits": self.from_logits,
            "teacher_from_logits": self.teacher_from_logits,
        }
        for heads, (name, value) in zip(self._heads, options.items(), strict=True):
            if heads is None:
                continue
            head = heads[number]
            if head.logits not in (None, value) and any(each.logits == value for each in heads):
                checks.refuse(
                    self.owner,
                    f"`{name}` must hold for each output with a loss, which predicts classes",
                    f"{name}={value}, and outputs of {head.layer!r}, whose activation is "
                    f"{head.activation}, beside others of {head.model!r} for which it holds",
                    "Leave out the loss of outputs that are no classes, and end the others with "
                    "the same activation.",
                )
            teacher_checks.check_logits(self.owner, head, value, name)

    def _options(self):
        return {
            **super()._options(),
            "teacher": self.teacher,
            "temperature": self.temperature,
            "teacher_weight": self.teacher_weight,
            "from_logits": self.from_logits,
            "teacher_from_logits": self.teacher_from_logits,
        }
