"""Calibration after training: temperatures, corrections at prediction, and their noise floor."""

from keras_mix.calibration.classwise import ClassCalibration, classwise
from keras_mix.calibration.mixup_rescaling import MixupRescaling
from keras_mix.calibration.noise_floor import NoiseFloor, noise_floor
from keras_mix.calibration.temperature_scaling import TemperatureScaling
from keras_mix.calibration.vector_scaling import VectorScaling

__all__ = [
    "ClassCalibration",
    "MixupRescaling",
    "NoiseFloor",
    "TemperatureScaling",
    "VectorScaling",
    "classwise",
    "noise_floor",
]


def __dir__():
    return __all__
