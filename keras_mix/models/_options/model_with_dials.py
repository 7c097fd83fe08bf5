"""What a model does because of its dials, which a schedule changes between steps."""

import keras

from keras_mix.models._options.dials import NAMES


class ModelWithDials(keras.Model):
    """Renews what follows from its dials, and is saved as it is outside of a schedule.

    A schedule begins anew in each `fit`.

    Attributes:
        dials: The `Dials`, which a subclass makes.
    """

    def __setattr__(self, name, value):
        if name in NAMES:
            raise AttributeError(
                f"{self.owner}: `{name}` is one of the model's dials. Received: {name}={value!r}. "
                f"Set `model.dials.{name}`."
            )
        super().__setattr__(name, value)

    def fit(self, *args, **kwargs):
        """Trains the model, as Keras does; afterwards restores what a schedule has changed."""
        try:
            return super().fit(*args, **kwargs)
        finally:
            self.dials.rest()

    def make_train_function(self, *args, **kwargs):
        """As Keras's; `fit` and `train_on_batch` call it before their first step."""
        # Weights may have been assigned one by one, α among them.
        self.dials.renew()
        return super().make_train_function(*args, **kwargs)

    def save_own_variables(self, store):
        with self.dials.at_rest():
            super().save_own_variables(store)

    def load_own_variables(self, store):
        with self.dials.at_rest():
            super().load_own_variables(store)

    def get_weights(self):
        with self.dials.at_rest():
            return super().get_weights()

    def set_weights(self, weights):
        with self.dials.at_rest():
            super().set_weights(weights)
