"""Entropic optimal transport between two sets of points of equal mass, on any backend."""

from keras import ops


def squared_distances(points, others):
    """float32 `(B, P, Q)`, between points `(B, P, D)` and others `(B, Q, D)`.

    A matrix product, for all differences would take D times the memory. Moving both by the mean of
    the points keeps it exact where they lie far from the origin.
    """
    center = ops.mean(points, axis=1, keepdims=True)
    points, others = points - center, others - center
    products = ops.matmul(points, ops.transpose(others, [0, 2, 1]))
    squares = (ops.sum(ops.square(each), axis=2) for each in (points, others))
    rows, columns = squares
    return ops.maximum(rows[:, :, None] + columns[:, None, :] - 2.0 * products, 0.0)


def assignment(cost, epsilon, iterations):
    """`(B, P, Q)`, what each point takes of each other one: rows sum to 1, columns nearly to P / Q.

    The transport plan of least ⟨plan, cost⟩ - ε entropy(plan) with uniform marginals, times P, by
    Sinkhorn's algorithm on logarithms, in which neither a large cost nor a small ε overflows. Rows
    are normalized once more at the end, and so are exact.

    Args:
        cost: Floats `(B, P, Q)`.
        epsilon: Float > 0.
        iterations: Integer ≥ 1.
    """
    scaled = -cost / epsilon

    def normalized(_, of_columns):
        # Up to constants: only the last normalization sets the scale.
        of_rows = -ops.logsumexp(scaled + of_columns, axis=2, keepdims=True)
        return -ops.logsumexp(scaled + of_rows, axis=1, keepdims=True)

    of_columns = ops.fori_loop(0, iterations, normalized, ops.zeros_like(cost[:, :1, :]))
    return ops.softmax(scaled + of_columns, axis=2)
