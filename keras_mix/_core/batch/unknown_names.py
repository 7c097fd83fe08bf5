"""Options that name leaves: a name that no leaf of the batch has would change nothing."""

from keras_mix._core import checks, kinds, leaf_names, spelling
from keras_mix._core.backend import xp

# A batch is whole without these, so an option may name them where they are absent.
_ROLES = ("y", "sample_weight")
_KINDS_OF_TARGETS = (*kinds.TARGETS, "sample_weights")


def refuse_unknown(mixer, structure, alone):
    """Refuses a name in `kinds`, `passthrough` or `padding_id` that no leaf has.

    `kinds` may serve several batches: a name in it that is absent is refused where no other name is
    there, or where it resembles a leaf that no option names.

    Inputs alone may be a part of the batch: a functional model that holds the mixer is built on
    them. So where there are no targets, names are compared only in an eager call.

    Args:
        mixer: The mixer.
        structure: The `Structure` of the batch.
        alone: Whether the mixer is called by itself, and not inside a model.
    """
    keyed, given = structure.keyed, structure.folded
    labelled = bool(set(given) & set(kinds.TARGETS)) if keyed else len(given) > 1
    if not labelled and not (alone and xp.executing_eagerly()):
        return
    given = set(given) if keyed else {"x", *_ROLES[: len(given) - 1]}
    absent, names = set(kinds.KEYS if keyed else _ROLES) - given, structure.names
    _refuse_names_of_one(mixer, names)
    padding = mixer.sequence_options.padding_id
    padding = padding if isinstance(padding, dict) else {}
    for option, named in (
        ("kinds", _suspect(mixer, names)),
        ("passthrough", dict.fromkeys(mixer.passthrough)),
        ("padding_id", padding),
    ):
        for name, kind in named.items():
            of_a_target = not labelled and kind in _KINDS_OF_TARGETS
            if not of_a_target and str(name).split("/")[0] not in absent:
                leaf_names.check_known(mixer.owner, option, name, names)


def _refuse_names_of_one(mixer, names):
    """Refuses two names in `kinds` of one leaf, as a whole and by its end, of which one counts."""
    ends = [leaf_names.key(name) for name in names]
    for name, end in zip(names, ends, strict=True):
        if name != end and name in mixer.kinds and end in mixer.kinds and ends.count(end) == 1:
            checks.refuse(
                mixer.owner,
                f"`kinds` must name `{name}` once",
                f"kinds={mixer.kinds!r}",
                f"Leave out {end!r} or {name!r}.",
            )


def _suspect(mixer, names):
    """The part of `kinds` to be compared with the names of leaves."""
    known = {*names, *map(leaf_names.key, names)}
    if not known & set(mixer.kinds):
        return mixer.kinds
    free = [leaf_names.key(name) for name in names if leaf_names.entry(mixer.kinds, name) is None]
    free = [name for name in free if name not in mixer.passthrough]
    return {
        name: kind for name, kind in mixer.kinds.items() if spelling.suggestion(str(name), free)
    }


def refuse_unknown_heads(mixer, leaves):
    """Refuses a name in `num_classes` that no target has, if there are targets."""
    heads = [leaf.name for leaf in leaves if leaf.target]
    if heads:
        for name in mixer.num_classes:
            leaf_names.check_known(mixer.owner, "num_classes", name, heads)
