"""Calibration after training: temperatures, corrections at prediction, and their noise floor."""

from keras_mix.calibration.noise_floor import NoiseFloor, noise_floor
from keras_mix.calibration.temperature_scaling import TemperatureScaling

__all__ = ["NoiseFloor", "TemperatureScaling", "noise_floor"]


def __dir__():
    return __all__
