"""Callbacks that change how a model or a pipeline mixes while it trains."""

from keras_mix.callbacks.mix_schedule import MixSchedule

__all__ = ["MixSchedule"]


def __dir__():
    return __all__
