"""The forms of labels that a compiled model was given: class ids or one-hot rows."""

import keras

from keras_mix._core import checks
from keras_mix._core.ops.tensors import differ

_WORDS = {"ids": "class ids", "rows": "one-hot or soft labels"}


class LabelForms:
    """The form of each target, which must stay what it was at first.

    Keras chooses what "accuracy" and "crossentropy" mean by the first labels, and these would
    misread, without an error, others that a wrapper's loss takes.

    Args:
        owner: The name that error messages begin with.
    """

    def __init__(self, owner):
        self.owner = owner
        self._first = {}

    def forget(self):
        """Takes any form again, as a model does that is compiled anew."""
        self._first.clear()

    def check(self, y, y_pred):
        """Refuses labels in another form than those before.

        Args:
            y: The structure of labels, or None.
            y_pred: The structure of predictions.
        """
        labels, predictions = (keras.tree.flatten_with_path(each) for each in (y, y_pred))
        if len(labels) != len(predictions):
            return
        for (path, label), (_, prediction) in zip(labels, predictions, strict=True):
            form = _form(label, prediction)
            if form is None:
                continue
            first, shape = self._first.setdefault(path, (form, tuple(label.shape)))
            if form != first:
                checks.refuse(
                    self.owner,
                    "labels must have one form in training and validation, since metrics are "
                    "chosen by it",
                    f"{_WORDS[form]} of shape {tuple(label.shape)} after {_WORDS[first]} of shape "
                    f"{shape}",
                    "Give both as ids, or both one-hot.",
                )


def _form(label, prediction):
    """The form of labels of several classes, a key of `_WORDS`; None if that is not clear."""
    shape, scores = (getattr(each, "shape", ()) for each in (label, prediction))
    if len(scores) < 2 or scores[-1] in (None, 1):
        return None
    if len(shape) == len(scores) and not differ(shape[-1], scores[-1]):
        return "rows"
    column = len(shape) == len(scores) and shape[-1] == 1
    return "ids" if column or len(shape) == len(scores) - 1 else None
