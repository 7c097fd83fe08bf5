"""The full signature and docstring of layers that pass `**kwargs` on to their bases."""

import inspect
import re

_ARGS = re.compile(r"^Args:\n(?:(?: .*)?\n)*", re.M)
_SECTION = re.compile(r"^(Call arguments|Returns|Raises|Examples?|Reference):$", re.M)
_KEYWORD = inspect.Parameter.KEYWORD_ONLY
_REST = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
# The arguments of Keras's base layer that the signature shows.
_OF_KERAS = [inspect.Parameter(name, _KEYWORD, default=None) for name in ("name", "dtype")]


class FullSignature:
    """Descriptor for `__signature__`: the arguments of a class and of its base classes.

    Args:
        types: Dict of the types of arguments without an annotation.
    """

    def __init__(self, types):
        self.types = types

    def __get__(self, instance, owner):
        if instance is not None:
            # That of an instance is that of its call, which Python finds by itself.
            raise AttributeError("__signature__")
        return inspect.Signature([self._typed(each) for each in arguments(owner).values()])

    def _typed(self, parameter):
        if parameter.annotation is not parameter.empty:
            return parameter
        annotation = self.types.get(parameter.name, parameter.empty)
        return parameter.replace(annotation=annotation)


def arguments(cls):
    """The arguments of a layer by their names, `inspect.Parameter`s in the order of a call."""
    found = {}
    inherited = False
    for base in cls.__mro__:
        if base.__module__.partition(".")[0] == "keras":
            found.update({p.name: p for p in _OF_KERAS if p.name not in found})
            break
        if "__init__" not in vars(base):
            continue
        _, *own = inspect.signature(base.__init__).parameters.values()
        for parameter in own:
            # The class itself passes the required arguments of its bases.
            hidden = inherited and parameter.default is parameter.empty
            if parameter.kind not in _REST and parameter.name not in found and not hidden:
                found[parameter.name] = parameter.replace(kind=_KEYWORD) if inherited else parameter
        if all(parameter.kind != inspect.Parameter.VAR_KEYWORD for parameter in own):
            break
        inherited = True
    return found


def documented(cls):
    """The docstring of a layer, plus the arguments of its bases that it does not document."""
    text = inspect.cleandoc(cls.__doc__) + "\n"
    own = entries(text)
    taken = arguments(cls)
    shared = {}
    for base in reversed(cls.__mro__[1:]):
        of_base = entries(inspect.cleandoc(vars(base).get("__doc__") or "") + "\n")
        # Those of the nearest base come first, and in the place of a farther one's.
        shared = of_base | shared | of_base
    added = "".join(entry for name, entry in shared.items() if name in taken and name not in own)
    section = _ARGS.search(text)
    if section is None:
        following = _SECTION.search(text)
        end = len(text) if following is None else following.start()
        return f"{text[:end].rstrip()}\n\nArgs:\n{added}\n{text[end:]}"
    # What a class says of all other arguments follows them.
    rest = own.pop("**kwargs", "")
    length = len(section.group().rstrip("\n")) + 1
    args = f"Args:\n{''.join(own.values())}{added}{rest}"
    return f"{text[: section.start()]}{args}{text[section.start() + length :]}"


def entries(text):
    """Dict from the names in the section "Args" of a docstring, dedented, to their entries."""
    section = _ARGS.search(text)
    if section is None:
        return {}
    _, *entries = re.split(r"^    (?=\*{0,2}\w+: )", section.group().rstrip("\n"), flags=re.M)
    return {entry.split(":")[0]: f"    {entry.rstrip()}\n" for entry in entries}
