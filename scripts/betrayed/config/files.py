"""What YAML takes without a word and nobody means: a key given twice, numbers of another base."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml

from betrayed.errors import UserError

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_OCTAL, _SIXTIES = re.compile(r"[-+]?0[0-7_]+"), re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+")


def check_files(paths: Iterable[str | Path]) -> None:
    """Refuse settings of which YAML keeps a part, or reads another number than is written.

    Files that are no YAML are left to whoever reads them.

    Raises:
        UserError: a key stands twice in a mapping, of which the last one would count alone; or a
            number is written so that YAML reads it with another base. All are named.
    """
    faults = []
    for path in paths:
        try:
            with open(path, "rb") as file:
                node = yaml.compose(file, _LOADER)
        except (OSError, yaml.YAMLError):
            continue
        faults += [f"{path}, line {line}: {fault}" for line, fault in _faults(node)]
    if faults:
        raise UserError(
            "The configuration cannot be used:\n" + "\n".join(f"  - {f}" for f in faults)
        )


def _faults(node: yaml.Node | None, above: str = "") -> Iterator[tuple[int, str]]:
    """Lines, counted from 1, with what is wrong there."""
    if isinstance(node, yaml.SequenceNode):
        for one in node.value:
            yield from _faults(one, above)
    elif isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            line, name = key.start_mark.line + 1, str(key.value)
            if name in lines and name != "<<":
                yield (
                    line,
                    f"{above}{name} stands there for the second time, first in line {lines[name]}: "
                    f"the last one would count alone. Put all into one.",
                )
            lines.setdefault(name, line)
            yield from _faults(value, f"{above}{name}.")
    elif isinstance(node, yaml.ScalarNode) and node.tag.endswith(":int"):
        base = 8 if _OCTAL.fullmatch(node.value) else 60 if _SIXTIES.fullmatch(node.value) else 10
        if base != 10:
            yield (
                node.start_mark.line + 1,
                f"{above[:-1]}: YAML reads {node.value} as a number of base {base}. Write it "
                f"without the leading 0 or the colon, or in quotes if it is a name.",
            )
