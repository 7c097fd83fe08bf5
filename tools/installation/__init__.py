"""Throw-away environments, and what an installed keras_mix must do in one."""
