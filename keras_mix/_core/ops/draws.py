"""The draws of the current backend: `draw.random` on TensorFlow, else `portable_draws`."""

import keras

if keras.backend.backend() == "tensorflow":
    from keras_mix._core.draw import random as _draws
else:
    from keras_mix._core.ops import portable_draws as _draws

begin, split = _draws.begin, _draws.split
coin, uniform, beta, partners = _draws.coin, _draws.uniform, _draws.beta, _draws.partners
Concentration = _draws.Concentration
