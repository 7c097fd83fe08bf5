"""Refuses options that have no effect."""

from typing import NamedTuple


class Reason(NamedTuple):
    """Why an option has no effect, and what to do instead of leaving it out.

    Attributes:
        clause: str, the reason as a clause.
        way_out: str, what to do instead as a sentence.
    """

    clause: str
    way_out: str


def without_box_format(verb):
    """The `Reason` of options of boxes, which {verb} only if their format is given."""
    return Reason(
        f"boxes {verb} only where their format is given",
        'Give the format of the boxes, for example BoundingBoxOptions("xyxy", …); or leave it out.',
    )


def refuse(owner, options, reasons, way_out="Leave it out."):
    """Refuses options that would change nothing.

    Args:
        owner: The name that the message begins with.
        options: Dict from the options that were given to their values; "option.argument" is an
            argument of an object.
        reasons: Dict from options to the reason why they have no effect: a clause, a `Reason`, or
            None if they have one.
        way_out: str, what to do instead if the reason is a clause.
    """
    for name, value in options.items():
        reason = reasons.get(name)
        if reason:
            name = name.rpartition(".")[2]
            clause, instead = reason if isinstance(reason, Reason) else (reason, way_out)
            raise ValueError(
                f"{owner}: `{name}` has no effect, because {clause}. "
                f"Received: {name}={value!r}. {instead}"
            )
