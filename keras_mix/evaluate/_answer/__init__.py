"""How the sentences of `keras_mix.evaluate.answer` are chosen and worded."""
