"""The flags of every verb as data, read from settings models and signatures, for help and reference.

tyro parses the command line; what it knows is read here from the same declarations, so that help can be laid
out for people. A test holds both together.
"""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel
from pydantic_core import PydanticUndefined
from tyro import conf

PLACEHOLDERS: dict[Any, str] = {
    int: "N",
    float: "NUMBER",
    str: "TEXT",
    Path: "FILE",
    bool: "",
    tuple: "[A, B]",
    dict: "{...}",
}
ARG = type(conf.arg())
"""The class of what `tyro.conf.arg` returns, which has no public name."""
REQUIRED = object()
"""The default of what must be given."""


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag or one word of a command line."""

    key: str
    """Its name in YAML, below its section; the parameter's name of a function."""
    section: str
    """Section of the YAML file that holds it; empty for none."""
    name: str
    """As typed, such as `--fov`; in capitals for words without a flag."""
    value: str
    """What follows it, such as `HOST:PORT` or `auto|always`; empty for a switch."""
    help: str
    default: Any
    """REQUIRED where there is none."""
    positional: bool = False
    repeats: bool = False
    short: str = ""
    """Its short form, such as `-o`."""
    off: str = ""
    """The flag that switches it off; empty where there is none."""
    limits: str = ""
    """Range of numbers, such as `10 to 150`; empty where there is none."""
    kind: Any = str
    """Type of the value, without None."""
    rules: tuple[Any, ...] = ()
    """What pydantic checks: objects with ge, gt, le or lt."""

    @property
    def typed(self) -> str:
        """The flag with what follows it."""
        if self.positional:
            return self.name
        names = ", ".join(name for name in (self.short, self.name, self.off) if name)
        return f"{names} {self.value}".rstrip()


def flags_of_model(
    model: type[BaseModel], default: BaseModel | None = None, section: str = "", *, hidden: bool = False
) -> Iterator[Flag]:
    """Flags of a settings model, in the order of its fields; `default` overrides the model's own defaults.

    `hidden` brings those as well that YAML files have and the command line has not.
    """
    hints = get_type_hints(model, include_extras=True)
    for key, field in model.model_fields.items():
        shape = _Shape(hints[key])
        if conf.Suppress in shape.notes and not hidden:
            continue
        value = getattr(default, key) if default is not None else _default(field)
        if isinstance(shape.plain, type) and issubclass(shape.plain, BaseModel):
            own = value if isinstance(value, BaseModel) else None
            yield from flags_of_model(shape.plain, own, f"{section}{key}.", hidden=hidden)
            continue
        yield _flag(key, section, shape, value, field.description or "", field.metadata)


def flags_of_function(call: Callable[..., Any]) -> Iterator[Flag]:
    """Flags of a function, in the order of its parameters."""
    hints, told = get_type_hints(call, include_extras=True), _told(call)
    for key, parameter in inspect.signature(call).parameters.items():
        default = REQUIRED if parameter.default is inspect.Parameter.empty else parameter.default
        yield _flag(key, "", _Shape(hints[key]), default, told.get(key, ""), [])


def about(call: Callable[..., Any] | type) -> str:
    """What the docstring says before its list of arguments."""
    return (inspect.getdoc(call) or "").partition("\nArgs:")[0].strip()


class _Shape:
    """A type without its annotations, and these."""

    def __init__(self, hint: Any) -> None:
        self.notes: list[Any] = []
        self.optional = False
        while get_origin(hint) is Annotated or _is_optional(hint):
            if get_origin(hint) is Annotated:
                hint, *notes = get_args(hint)
                self.notes += notes
            else:
                self.optional = True
                hint = next(part for part in get_args(hint) if part is not type(None))
        self.repeats = get_origin(hint) is list
        self.plain = get_args(hint)[0] if self.repeats else hint
        args: list[Any] = [note for note in self.notes if isinstance(note, ARG)]
        self.name = next((arg.name for arg in args if arg.name), None)
        self.alone = any(arg.prefix_name is False for arg in args)
        self.metavar = next((arg.metavar for arg in args if arg.metavar), None)
        self.short = next((alias for arg in args for alias in arg.aliases or ()), "")
        self.help = next((str(arg.help) for arg in args if arg.help), "")

    @property
    def value(self) -> str:
        if self.metavar:
            return str(self.metavar)
        if get_origin(self.plain) is Literal:
            return "|".join(map(str, get_args(self.plain)))
        kind = get_origin(self.plain) or self.plain
        return str(PLACEHOLDERS.get(kind, "TEXT"))


def _flag(key: str, section: str, shape: _Shape, default: Any, text: str, rules: list[Any]) -> Flag:
    words = (shape.name or key).replace("_", "-")
    name = f"--{words if shape.alone else section.replace('_', '-') + words}"
    positional = conf.Positional in shape.notes
    plain = shape.plain is bool
    off = f"--{section.replace('_', '-')}no-{words}" if plain and _has_off(shape) else ""
    return Flag(
        key=key,
        section=section.rstrip("."),
        name=(shape.metavar or key.upper().replace("_", "-")) if positional else name,
        value="" if plain else shape.value,
        help=shape.help or " ".join(text.split()),
        default=default,
        positional=positional,
        repeats=shape.repeats,
        short=shape.short,
        off=off,
        limits=_limits(rules),
        kind=shape.plain,
        rules=tuple(rules),
    )


def _has_off(shape: _Shape) -> bool:
    return conf.FlagCreatePairsOff not in shape.notes


def _is_optional(hint: Any) -> bool:
    return get_origin(hint) in (Union, types.UnionType) and type(None) in get_args(hint)


def _default(field: Any) -> Any:
    value = field.get_default(call_default_factory=True)
    return REQUIRED if value is PydanticUndefined else value


def _limits(metadata: list[Any]) -> str:
    """`[Ge(10), Le(150)]` → `10 to 150`."""
    low = high = ""
    for rule in metadata:
        low = f"{rule.ge:g}" if hasattr(rule, "ge") else f"above {rule.gt:g}" if hasattr(rule, "gt") else low
        high = (
            f"{rule.le:g}" if hasattr(rule, "le") else f"below {rule.lt:g}" if hasattr(rule, "lt") else high
        )
    if low and high:
        return f"{low} to {high}"
    return (low if low.startswith("above") else f"from {low}") if low else high


def _told(call: Callable[..., Any]) -> dict[str, str]:
    """What the docstring says under `Args:`, by parameter."""
    told: dict[str, str] = {}
    name = ""
    for line in (inspect.getdoc(call) or "").partition("\nArgs:")[2].splitlines():
        if match := re.fullmatch(r"    (\w+): (.*)", line):
            name = match[1]
            told[name] = match[2]
        elif name and line.strip():
            told[name] += f" {line.strip()}"
    return told
