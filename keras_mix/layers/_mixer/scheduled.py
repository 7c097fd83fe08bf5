"""A mixer's call under a schedule, which sets some of its arguments from batch to batch."""

from keras_mix._core import checks
from keras_mix._core.batch import call_forms
from keras_mix.layers._mixer.reading import read

# (what a layer must have, the way out) for each thing that a schedule sets.
_NEEDS = {
    "rate": ("a mixer, which combines the samples of a batch", "Leave the schedule out."),
    "alpha": (
        "a mixer that draws λ by an `alpha` of its own",
        "Schedule `rate`, or the `probabilities` of a RandomChoice whose mixers have the α of each "
        "phase.",
    ),
    "probabilities": (
        "a RandomChoice, whose mixers it chooses",
        "Pass keras_mix.layers.RandomChoice([…]).",
    ),
}


def check(owner, layer, names):
    """Refuses a schedule of what a layer does not have.

    Args:
        owner: The function that was given both, for messages.
        layer: The layer.
        names: What the schedule sets: "alpha", "rate" or "probabilities".
    """
    for name in names:
        if name not in layer.schedulable:
            need, way_out = _NEEDS[name]
            checks.refuse(
                owner, f"a schedule of `{name}` needs {need}", f"layer={layer!r}", way_out
            )


def call(mixer, batch, seed, partners, settings):
    """`mixer(batch, seed=seed, partners=partners, training=True)`, with `Settings` of a batch."""
    (batch,), given = call_forms.as_tensors(mixer.owner, (batch,), {"partners": partners})
    found = read(mixer, batch, None, None, given["partners"], alone=True, symbolic=False)
    drawn_for = mixer.batch(found)._replace(settings=settings)
    plan = mixer.draw(drawn_for, seed, settings.rate)
    return found.packed(mixer.mixed(plan, found))
