"""Checks on JAX, over four host devices."""

import numpy as np

from distributed.common import base_model, check, compiled, fit


def data_parallel():
    """JAX: a batch over four devices is drawn, mixed and trained on like on one."""
    import jax
    import keras

    from keras_mix.models import ManifoldMixup, MixingModel

    check(len(jax.devices()) == 4, "JAX has four devices")
    for wrapper in (MixingModel, ManifoldMixup):
        results = []
        for distribution in (keras.distribution.DataParallel(), None):
            keras.distribution.set_distribution(distribution)
            model = compiled(wrapper(base_model(), alpha=0.5, seed=3))
            losses, learns = fit(model)
            results.append((losses, model.base.get_weights()))
            count = len(model.trainable_variables[0].value.sharding.device_set)
            where = f"{wrapper.__name__} on {count} of the devices"
            check(count == (4 if distribution else 1), where)
            check(learns, f"{where}: loss {losses[0]:.5f} to {losses[-1]:.5f}")
        (many, trained), (one, expected) = results
        check(np.allclose(many, one, rtol=1e-5), f"{wrapper.__name__}: the losses are equal")
        same = [np.allclose(a, b, atol=1e-5) for a, b in zip(trained, expected, strict=True)]
        check(all(same), f"{wrapper.__name__}: the weights are equal")
