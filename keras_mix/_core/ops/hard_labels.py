"""Hard labels for metrics from mixed ones: the dominant class, or a threshold at 0.5."""

import keras
from keras import ops

from keras_mix._core import checks
from keras_mix._core.ops import packed_labels
from keras_mix._core.ops.tensors import is_column, is_float

FORMS = ("class_ids", "one_hot", "indicators", "values")
_CLASSES = {
    "class_ids": (
        "Accuracy IoU MeanIoU SparseCategoricalAccuracy SparseCategoricalCrossentropy "
        "SparseTopKCategoricalAccuracy"
    ),
    "one_hot": (
        "CategoricalAccuracy CategoricalCrossentropy CategoricalHinge F1Score FBetaScore "
        "OneHotIoU OneHotMeanIoU TopKCategoricalAccuracy"
    ),
    "indicators": (
        "AUC BinaryAccuracy BinaryCrossentropy BinaryIoU FalseNegatives FalsePositives Hinge "
        "Precision PrecisionAtRecall Recall RecallAtPrecision SensitivityAtSpecificity "
        "SpecificityAtSensitivity SquaredHinge TrueNegatives TruePositives"
    ),
    "values": (
        "ConcordanceCorrelation CosineSimilarity KLDivergence LogCoshError MeanAbsoluteError "
        "MeanAbsolutePercentageError MeanSquaredError MeanSquaredLogarithmicError "
        "PearsonCorrelation Poisson R2Score RootMeanSquaredError"
    ),
}
_FUNCTIONS = {
    "class_ids": (
        "sparse_categorical_accuracy sparse_categorical_crossentropy "
        "sparse_top_k_categorical_accuracy"
    ),
    "one_hot": (
        "categorical_accuracy categorical_crossentropy categorical_focal_crossentropy "
        "categorical_hinge top_k_categorical_accuracy"
    ),
    "indicators": (
        "binary_accuracy binary_crossentropy binary_focal_crossentropy hinge squared_hinge"
    ),
    "values": (
        "cosine_similarity huber kl_divergence log_cosh mean_absolute_error "
        "mean_absolute_percentage_error mean_squared_error mean_squared_logarithmic_error poisson"
    ),
}


def _known(names):
    """Dict from the metrics of this version of Keras to the form of labels that they take."""
    return {
        getattr(keras.metrics, name): form
        for form, listed in names.items()
        for name in listed.split()
        if hasattr(keras.metrics, name)
    }


_BY_CLASS, _BY_FUNCTION = _known(_CLASSES), _known(_FUNCTIONS)


def form_of(metric, function=None):
    """The form of labels that a metric takes, one of `FORMS`; None if the metric is not Keras's.

    Args:
        metric: `keras.metrics.Metric`.
        function: The function of (y_true, y_pred) that the metric averages, or None.
    """
    if function in _BY_FUNCTION:
        return _BY_FUNCTION[function]
    # These scores take indicators with a threshold, one-hot labels without.
    if isinstance(metric, keras.metrics.FBetaScore) and metric.threshold is not None:
        return "indicators"
    if isinstance(metric, keras.metrics.IoU) and not metric.sparse_y_true:
        return "one_hot"
    return next((_BY_CLASS[kind] for kind in type(metric).__mro__ if kind in _BY_CLASS), None)


def hardened(owner, y_true, y_pred, form):
    """Converts labels, mixed or not, to the form that a metric takes.

    Args:
        owner: The name that error messages begin with.
        y_true: Packed targets `(B, 2, S)`; class ids `(B,)` or `(B, 1)`; one-hot labels or
            indicators `(B, …, K)`, or class probabilities if they are mixed; or binary labels
            `(B,)` or `(B, 1)`. Unmixed labels may have any integer dtype or bool.
        y_pred: Predictions `(B,)`, `(B, 1)` or `(B, …, K)`.
        form: One of `FORMS`; None if it is unknown.
    """
    classes = packed_labels.classes_of(y_pred)
    if form == "values" and packed_labels.is_packed(y_true, y_pred):
        packed_labels.check(owner, y_true, classes)
        # Of one column the class ids, 0 and 1, are the values themselves.
        return ops.reshape(
            packed_labels.one_hot(y_true, max(classes, 2))[:, -classes:], ops.shape(y_pred)
        )
    ids = _ids_of(owner, y_true, y_pred, classes)
    if ids is not None:
        if form in ("class_ids", None):
            return ids
        if classes == 1:
            return ops.reshape(ops.cast(ids, "float32"), ops.shape(y_pred))
        return ops.one_hot(ops.cast(ops.reshape(ids, [-1]), "int32"), classes, dtype="float32")
    if form == "indicators":
        return _above_half(y_true)
    dense = _is_dense(y_true, y_pred)
    if form == "one_hot" and dense and classes == 1:
        return _above_half(y_true)
    if form in ("one_hot", "class_ids") and dense:
        # TensorFlow has no maximum of booleans.
        y_true = _as_numbers(y_true)
    if form == "one_hot" and dense:
        largest = ops.one_hot(ops.argmax(y_true, axis=-1), classes, dtype="float32")
        # A row of zeros has no class.
        return largest * ops.cast(ops.max(y_true, axis=-1, keepdims=True) > 0, "float32")
    if form == "class_ids" and dense and classes != 1:
        return ops.argmax(y_true, axis=-1)
    if form is None and dense and is_float(y_true):
        checks.refuse(
            owner,
            "`label_form` must be given, since the metric is not one of Keras's",
            checks.described(y_true),
            f"Pass one of {list(FORMS)}.",
        )
    return y_true


def counted(y_true, y_pred, form):
    """Which rows of class weights have a class; one of zeros has none, as of an ignored pixel.

    Args:
        y_true: Labels, as `hardened` takes them.
        y_pred: Predictions `(B,)`, `(B, 1)` or `(B, …, K)`.
        form: One of `FORMS`; None if it is unknown.

    Returns:
        bool `(B, …)`; None where labels are not read as rows of class weights.
    """
    rows = form in ("one_hot", "class_ids") and packed_labels.classes_of(y_pred) > 1
    if not (rows and _is_dense(y_true, y_pred)):
        return None
    return ops.max(_as_numbers(y_true), axis=-1) > 0


def _is_dense(y_true, y_pred):
    """Whether labels are class weights, indicators or values in the shape of the predictions."""
    classes = packed_labels.classes_of(y_pred)
    return len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == classes


def _as_numbers(labels):
    return labels if is_float(labels) else ops.cast(labels, "float32")


def _above_half(labels):
    """Indicators as float32, 1 where a label of any dtype is above 0.5."""
    return ops.cast(_as_numbers(labels) > 0.5, "float32")


def _ids_of(owner, y_true, y_pred, classes):
    """Class ids, plain or of the dominant source of packed targets; None for other labels."""
    if packed_labels.is_packed(y_true, y_pred):
        packed_labels.check(owner, y_true, classes)
        return packed_labels.dominant(y_true)
    column = is_column(y_true.shape)
    return y_true if column and classes != 1 and len(y_pred.shape) == 2 else None
