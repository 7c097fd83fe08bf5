"""Loads in a new process what `first_use.py` saved, and goes on training it."""

import keras
import numpy as np

import keras_mix

model = keras.models.load_model("wrapped.keras")
assert isinstance(model, keras_mix.models.ManifoldMixup), type(model)
text = {"text": np.ones((8, 6), "int32")}
assert np.allclose(model.predict(text, verbose=0), np.load("predicted.npy"), atol=1e-6)
assert np.isfinite(model.fit(text, np.arange(8) % 3, verbose=0).history["loss"]).all()
