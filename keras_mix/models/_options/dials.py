"""What may change between the steps of training without a new trace."""

import contextlib

from keras import ops

from keras_mix._core import checks, concentration, spelling
from keras_mix._core.draw import random

NAMES = ("alpha", "rate", "probabilities")


class Dials:
    """α, the rate and the probabilities of the choices, kept as weights of a model.

    Args:
        model: The model that keeps and saves them.
        alpha: A concentration; None where several mixers have one each, which stay.
        rate: Python float in [0, 1].
        count: The number of choices, at first equally likely.
    """

    __slots__ = (
        "_alpha",
        "_probabilities",
        "_rate",
        "_resting",
        "_schedules",
        "concentration",
        "weights",
    )

    def __init__(self, model, alpha, rate, count):
        self._alpha = self.concentration = None
        if alpha is not None:
            self._alpha = _weight(model, "alpha", (2,))
            self.concentration = random.Concentration(alpha)
            self._alpha.assign(concentration.pair(alpha))
        # What a schedule puts back, and {name: the schedule that sets it}.
        self._resting, self._schedules = None, {}
        self._rate = _weight(model, "rate", ())
        self._probabilities = _weight(model, "probabilities", (count,))
        # What a step reads.
        self.weights = self._probabilities, self._rate
        self.rate = rate
        self.probabilities = [1.0] * count

    def __setattr__(self, name, value):
        if not hasattr(type(self), name):
            raise AttributeError(
                f"`dials` has only {', '.join(f'`{known}`' for known in NAMES)}. Received: "
                f"{name}={value!r}.{spelling.suggestion(name, NAMES)}"
            )
        super().__setattr__(name, value)

    @property
    def derived(self):
        """The variables that follow from α and are no weights, for the model's `variables`."""
        return [] if self.concentration is None else list(self.concentration.variables)

    @property
    def alpha(self):
        """α of Beta(α, α) or (a, b) of Beta(a, b); None where several mixers have one each."""
        if self._alpha is None:
            return None
        return concentration.one_if_equal(map(_as_given, ops.convert_to_numpy(self._alpha)))

    @alpha.setter
    def alpha(self, value):
        value = concentration.check(value)
        if self._alpha is None:
            raise ValueError(
                "`alpha` can be changed only if there is one, that of the blend or of one mixer. "
                f"Received: alpha={value} for several mixers, or for one without it."
            )
        self._alpha.assign(concentration.pair(value))
        self.renew()

    @property
    def rate(self):
        """The probability that a sample, or the batch, is mixed."""
        return _as_given(ops.convert_to_numpy(self._rate))

    @rate.setter
    def rate(self, value):
        self._rate.assign(checks.number("rate", value, high=1.0))

    @property
    def probabilities(self):
        """The probability of each choice; a list that sums to 1."""
        return ops.convert_to_numpy(self._probabilities).tolist()

    @probabilities.setter
    def probabilities(self, value):
        self._probabilities.assign(checks.weights(value, self._probabilities.shape[0]))

    @property
    def resting(self):
        """α, rate and probabilities as they are outside of a schedule."""
        return self._resting or self._values()

    def begin_schedule(self, schedule, names):
        """From here on changes last until `rest`.

        Args:
            schedule: The callback that makes them.
            names: The dials that it sets, which no other may set.
        """
        taken = [name for name in names if self._schedules.get(name, schedule) is not schedule]
        if taken:
            checks.refuse(
                type(schedule).__name__,
                "a dial must have one schedule",
                f"two schedules of {', '.join(f'`{name}`' for name in taken)}",
                "Pass all options of a dial to one schedule: `rate`, `warmup_epochs` and "
                "`unmixed_epochs` set the same.",
            )
        self._schedules |= dict.fromkeys(names, schedule)
        self._resting = self.resting

    def rest(self):
        """Puts back what a schedule changed, if one did."""
        if self._resting is not None:
            self._put(self._resting)
        self._resting, self._schedules = None, {}

    @contextlib.contextmanager
    def at_rest(self):
        """A context in which the weights are those outside of a schedule, to be saved or loaded."""
        scheduled = None if self._resting is None else self._values()
        if scheduled is not None:
            self._assign(self._resting)
        yield
        if scheduled is None:
            self.renew()
        else:
            self._resting = self._values()
            self._put(scheduled)

    def _values(self):
        return self.alpha, self.rate, self.probabilities

    def _put(self, values):
        self._assign(values)
        self.renew()

    def _assign(self, values):
        alpha, self.rate, self.probabilities = values
        if alpha is not None:
            self._alpha.assign(concentration.pair(alpha))

    def renew(self):
        """Derives again what depends on α, after the weight itself was loaded."""
        if self._alpha is not None:
            self.concentration.assign(self.alpha)


def _as_given(number):
    """The Python float of which float32 keeps the nearest: 0.2, not 0.200000003."""
    return float(str(number))


def _weight(model, name, shape):
    return model.add_weight(
        name=name,
        shape=shape,
        initializer="zeros",
        trainable=False,
        dtype="float32",
        # Half precision is too coarse to draw by.
        autocast=False,
    )
