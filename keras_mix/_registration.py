"""Makes every class that Keras saves known to Keras, so that saved models load.

`import keras_mix` registers all of them. A class that is not imported yet is represented by an
entry that imports it when a file names it. So the import stays cheap, and TensorFlow is imported
on other backends only when a file holds a layer that needs it.
"""

import importlib
import importlib.abc
import sys

from keras_mix._core.optional_imports import of_tensorflow
from keras_mix.layers._class_modules import OPTIONS, SAVED

PACKAGE = "keras_mix"

# The modules of the classes beside `keras_mix.layers`.
BESIDE_LAYERS = {
    "AURC": "metrics.aurc",
    "AlignMixup": "models.align_mixup",
    "BrierScore": "metrics.brier_score",
    "AttentionWeights": "models.attention_weights",
    "ByClass": "pairings.by_class",
    "ByKey": "pairings.by_key",
    "ByLabel": "pairings.by_label",
    "BySaliency": "pairings.by_saliency",
    "ClassMixConsistency": "models.classmix_consistency",
    "CrossModalConsistencyLoss": "losses.cross_modal_consistency_loss",
    "CutMixConsistency": "models.cutmix_consistency",
    "DecoupleMixLoss": "losses.decouple_mix_loss",
    "Distillation": "models.distillation",
    "ExpectedCalibrationError": "metrics.expected_calibration_error",
    "FeatureWeights": "models.feature_weights",
    "InOrder": "pairings.in_order",
    "InterpolationConsistency": "models.interpolation_consistency",
    "KernelWarping": "lambda_rules.kernel_warping",
    "LabelRule": "label_rules.label_rule",
    "LambdaRule": "lambda_rules.lambda_rule",
    "LossOfSources": "models._targets.loss",
    "ManifoldMixup": "models.manifold_mixup",
    "MixMatch": "models.mix_match",
    "MixedLoss": "losses.mixed_loss",
    "MixedMetric": "metrics.mixed_metric",
    "MixingModel": "models.mixing_model",
    "MixupRescaling": "calibration.mixup_rescaling",
    "NegativeLogLikelihood": "metrics.negative_log_likelihood",
    "OutOfDistributionAUROC": "metrics.out_of_distribution_auroc",
    "OverconfidenceError": "metrics.overconfidence_error",
    "Pairing": "pairings.pairing",
    "RecallAtK": "metrics.retrieval",
    "RegMixup": "models.reg_mixup",
    "Remix": "label_rules.remix",
    "SignedCalibrationGap": "metrics.signed_calibration_gap",
    "TemperatureScaling": "calibration.temperature_scaling",
    "TestTimeAugmentation": "models.test_time_augmentation",
    "ThresholdedBinaryCrossentropy": "losses.thresholded_binary_crossentropy",
    "VectorScaling": "calibration.vector_scaling",
}
MODULES = BESIDE_LAYERS | {
    name: f"layers.{module}" for name, module in {**OPTIONS, **SAVED}.items()
}
NEED_TENSORFLOW = {"layers.synchronized_augmentation"}


def register():
    """Registers all classes: now if Keras is imported, otherwise as soon as it is.

    The classes are imported at once where Keras is imported, but for those that need TensorFlow
    in a process that has not imported it.
    """
    if "keras" not in sys.modules:
        sys.meta_path.insert(0, _AfterKeras())
        return
    defer()
    for module in sorted(set(MODULES.values())):
        if module not in NEED_TENSORFLOW or "tensorflow" in sys.modules:
            importlib.import_module(f"{PACKAGE}.{module}")


def defer():
    """Gives Keras an entry for each class that it does not know yet."""
    known = sys.modules["keras"].saving.get_custom_objects()
    for name, module in MODULES.items():
        known.setdefault(f"{PACKAGE}>{name}", _Deferred(name, module))


class _Deferred:
    """Stands in Keras's registry for a class that is imported when a file names it."""

    def __init__(self, name, module):
        self.name = name
        self.module = module

    def from_config(self, config):
        """The object, made by the class, which replaces this entry when it is imported."""
        module = of_tensorflow(f"{PACKAGE}.{self.module}", f"A saved keras_mix {self.name}")
        return getattr(module, self.name).from_config(config)


class _AfterKeras(importlib.abc.MetaPathFinder):
    """Finds Keras as Python would, and has the classes registered when it is imported.

    Only entries are made then: the import may come from a module of this package, whose classes
    do not exist yet.
    """

    def find_spec(self, name, path=None, target=None):
        if name != "keras":
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        found = (finder.find_spec(name, path, target) for finder in others)
        spec = next(filter(None, found), None)
        if spec is not None:
            spec.loader = _Registering(spec.loader, self)
        return spec


class _Registering(importlib.abc.Loader):
    """Keras's own loader, with the registration behind it."""

    def __init__(self, loader, finder):
        self.loader = loader
        self.finder = finder

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        module.__spec__.loader = module.__loader__ = self.loader
        self.loader.exec_module(module)
        sys.meta_path.remove(self.finder)
        defer()
