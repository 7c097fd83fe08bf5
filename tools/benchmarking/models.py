"""Whole train steps of models that mix by themselves, as rows of the benchmark."""

from benchmarking import rows, train_steps


def measure(quick):
    """One table: steps, first steps and peak memory against the plain model's."""
    options = (
        {"repeats": 1, "seconds": 5, "widths": (1,)} if quick else {"repeats": 1, "seconds": 10}
    )
    found, absent = train_steps.measure(**options)
    made = [
        rows.Row(
            f"{each['variant']}, {each['backend']} {each['mode']}: {each['what']}",
            None,
            train_steps.PLAIN,
            ratio=each["ratio"],
            quartiles=each["quartiles"],
            most=each["limit"],
        )
        for each in found
    ]
    return [rows.table("A train step on 64 × 32 × 32 × 3", "ratios", made, absent)]
