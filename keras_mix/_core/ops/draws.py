"""The draws of the current backend: `draw.random` on TensorFlow, else `portable_draws`."""

import keras

if keras.backend.backend() == "tensorflow":
    from keras_mix._core.draw.random import (
        Concentration,
        begin,
        beta,
        coin,
        partners,
        split,
        uniform,
    )

    def concentration(alpha, variable):
        """An α that may change, for `beta`; `variable` holds its value."""
        return Concentration(alpha)

    def fixed(alpha):
        """An α that never changes, for `beta`."""
        return alpha

else:
    from keras_mix._core.ops.portable_draws import (
        Concentration,
        begin,
        beta,
        coin,
        partners,
        split,
        uniform,
    )

    def concentration(alpha, variable):
        """An α that may change, for `beta`; `variable` holds its value."""
        return Concentration(variable)

    def fixed(alpha):
        """An α that never changes, for `beta`."""
        return Concentration(alpha)


__all__ = ["begin", "beta", "coin", "concentration", "fixed", "partners", "split", "uniform"]
