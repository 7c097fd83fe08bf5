"""Whole train steps of models that mix by themselves, as rows of the benchmark."""

from benchmarking import rows, train_steps


def measure(quick):
    """One table: steps, first steps and peak memory against the plain model's."""
    found = train_steps.measure(repeats=1 if quick else 3, count=7 if quick else 15)
    made = [
        rows.Row(
            f"{each['variant']}, {each['mode']}: {each['what']}",
            None,
            train_steps.PLAIN,
            ratio=each["ratio"],
            most=each["limit"],
        )
        for each in found
    ]
    return [rows.table("A train step of a ResNet-20, 64 × 32 × 32 × 3", "ratios", made)]
