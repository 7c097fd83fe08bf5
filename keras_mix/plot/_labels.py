"""The texts of labels."""

import numpy as np

# A label lists at most so many classes, and none with a smaller weight.
MOST_CLASSES, LEAST_WEIGHT = 4, 0.005
# The number of characters of a label in a cell.
CHARACTERS = 18


def label_texts(labels, count, class_names):
    """Returns the text below each image."""
    ids = labels.ndim == 1 and labels.dtype.kind in "iu"
    if not (ids or labels.ndim == 2) or len(labels) != count:
        raise ValueError(
            f"plot.batch: `labels` must be ({count},) integer ids or ({count}, K) class weights.  "
            f"Received: labels.shape={labels.shape}, dtype {labels.dtype}"
        )
    classes = int(labels.max()) + 1 if ids else labels.shape[1]
    if class_names is not None and len(class_names) < classes:
        raise ValueError(
            "plot.batch: `class_names` must name every class. "
            f"Received: {len(class_names)} names for {classes} classes"
        )
    names = range(classes) if class_names is None else class_names
    if ids:
        names = one_line(names)
        return [_shortened(names[k], CHARACTERS) for k in labels]
    parts = label_parts(labels, names)
    fits = all(len("  ".join(part)) <= CHARACTERS for part in parts)
    return [("  " if fits else "\n").join(part) for part in parts]


def label_parts(labels, class_names):
    """Returns list of lists such as `["3: 0.68", "7: 0.32"]`, of class weights `(B, K)`."""
    names = one_line(class_names)
    return [_weights(np.asarray(shares, np.float32), names) for shares in labels]


def one_line(names):
    """Names as texts of one line."""
    return [" ".join(str(name).split()) for name in names]


def _weights(shares, names):
    order = [k for k in np.argsort(-shares, kind="stable") if shares[k] > LEAST_WEIGHT]
    texts = [
        f"{_shortened(names[k], CHARACTERS - len(': 0.00'))}: {shares[k]:.2f}"
        for k in order[:MOST_CLASSES]
    ]
    rest = shares[order[MOST_CLASSES:]].sum()
    return texts + [f"others: {rest:.2f}"] * bool(rest > LEAST_WEIGHT)


def _shortened(name, length):
    return name if len(name) <= length else name[: length - 1] + "…"
