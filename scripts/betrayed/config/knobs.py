"""How settings are declared: classes whose fields have a type, a default, a range, a unit and help.

Each stage's settings are a class made by :func:`settings`, in a module of this room named after
the section of ``config.yaml``. From it come the checks before a run, the JSON schema for editors
and the reference page; a program is handed its settings as an instance of it.
"""

from typing import Annotated, Any, dataclass_transform

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints
from pydantic.dataclasses import dataclass

_RULES = ConfigDict(strict=True, extra="forbid", validate_default=True, allow_inf_nan=False)


def knob(default: Any, help: str, *, unit: str | None = None, **limits: Any) -> Any:
    """A setting.

    Args:
        default: its value where none is given; ``...``: one must be given.
        help: what it does and how to tune it, as ``config.yaml`` and the reference have it.
        unit: what a number counts.
        limits: of its values, as pydantic's ``Field`` takes them: ``ge``, ``gt``, ``le``, ``lt``,
            ``min_length``, ``pattern``.
    """
    extra = {"unit": unit} if unit else None
    return Field(default, description=help, json_schema_extra=extra, **limits)


@dataclass_transform(field_specifiers=(knob,), frozen_default=True)
def settings(kind: type) -> type:
    """Make a class of settings: frozen, of exact types, without unknown fields, always checked.

    What does not fit raises ``pydantic.ValidationError``, a ``ValueError``, wherever an instance
    is made; :mod:`betrayed.config.reading` puts it in words for people.
    """
    return dataclass(kind, frozen=True, config=_RULES)


def seed() -> Any:
    """The setting ``seed``, which several stages read."""
    help = "Seeds training, augmentation and everything else that draws at random."
    return knob(0, help, ge=0)


def each_once(names: tuple[str, ...]) -> tuple[str, ...]:
    """``names``, or a ValueError where one of them is there twice."""
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"has {', '.join(map(repr, twice))} more than once")
    return names


#: Names or patterns, each of them once.
Names = Annotated[
    tuple[Annotated[str, StringConstraints(min_length=1)], ...], AfterValidator(each_once)
]
