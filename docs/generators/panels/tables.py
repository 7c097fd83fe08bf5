"""Rows of a table before and after mixing, as Markdown."""

import numpy as np
import tensorflow as tf

from keras_mix import layers

TABLE = {
    "age": np.array([31.0, 58.0], "float32"),
    "income": np.array([24.0, 61.0], "float32"),
    "job": np.array([2, 7]),
    "city": np.array([0, 3]),
}
SEED = (5, 1)


def of_tabular_mix():
    """Returns a row, its partner and their mixture."""
    layer = layers.TabularMix(8.0, pairing="roll", num_classes=2)
    mixed, labels = layer(TABLE, np.arange(2), seed=tf.constant(SEED))
    lines = ["| | " + " | ".join(TABLE) + " | label |", "| --- " * (len(TABLE) + 2) + "|"]
    for title, table, label, row in (
        ("a row", TABLE, np.eye(2)[0], 0),
        ("its partner", TABLE, np.eye(2)[1], 1),
        ("TabularMix", mixed, labels[0], 0),
    ):
        cells = " | ".join(f"{np.array(column[row]):.4g}" for column in table.values())
        lines.append(f"| {title} | {cells} | {', '.join(f'{w:.2f}' for w in np.array(label))} |")
    return "\n".join(lines)


TABLES = {"TabularMix": of_tabular_mix}
