"""Files of settings: what cannot be read, and what YAML reads otherwise than it is meant."""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from betrayed.errors import UserError

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_OCTAL, _SIXTIES = re.compile(r"[-+]?0[0-7_]+"), re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+")
_ENDLESS = "a part holds itself: its name behind & stands in it, behind *. Take that out."


def check_readable(paths: Iterable[str | Path]) -> None:
    """Refuse files that are no settings; Snakemake, which reads them, names neither file nor line.

    A file that is not there is left to whoever reads it.

    Raises:
        UserError: a file is no UTF-8 text, no YAML, or holds no settings; all such are named.
    """
    faults = []
    for path in paths:
        if Path(path).exists():
            faults += [f"{path}{fault}" for fault in _unreadable(Path(path))]
    if faults:
        raise UserError("The configuration cannot be read:\n" + _listed(faults))


def settings_in(path: str | Path) -> dict[str, Any]:
    """The settings in a file that :func:`check_readable` has let pass, as Snakemake reads them."""
    text = Path(path).read_text(encoding="utf-8-sig")
    try:
        return json.loads(text)
    except ValueError:
        return yaml.load(text, _LOADER)


def faults_of_files(paths: Iterable[str | Path]) -> list[str]:
    """Settings of which YAML keeps a part, or reads another number than is written.

    A key stands twice in a mapping, of which the last one would count alone; or a number is written
    so that YAML reads it with another base. Files that are no YAML have no such faults.
    """
    faults = []
    for path in paths:
        try:
            with open(path, "rb") as file:
                node = yaml.compose(file, _LOADER)
        except (OSError, yaml.YAMLError):
            continue
        if endless := _that_holds_itself(node):
            faults.append(f"{path}, line {endless.start_mark.line + 1}: {_ENDLESS}")
        else:
            faults += [f"{path}, line {line}: {fault}" for line, fault in _faults(node)]
    return faults


def _unreadable(path: Path) -> Iterator[str]:
    """Why a file is no settings, to stand behind its name."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        yield f": cannot be read ({error.strerror})"
        return
    except UnicodeDecodeError as error:
        yield (
            f": is no UTF-8 text (its byte {error.start + 1} is "
            f"0x{error.object[error.start]:02x}). Save it as UTF-8."
        )
        return
    try:
        content = json.loads(text)
    except ValueError:
        try:
            content = yaml.load(text, _LOADER)
        except yaml.YAMLError as error:
            yield _no_yaml(error, text)
            return
        if node := _that_holds_itself(yaml.compose(text, _LOADER)):
            yield f", line {node.start_mark.line + 1}: {_ENDLESS}"
            return
    if not isinstance(content, dict):
        yield ": holds no settings. It must have keys at the left edge, such as: seed: 1"


def _that_holds_itself(
    node: yaml.Node | None, above: tuple[yaml.Node, ...] = ()
) -> yaml.Node | None:
    """A part of a file that is, by its name, a part of itself, which has no end."""
    if not isinstance(node, yaml.CollectionNode):
        return None
    if node in above:
        return node
    parts = [one for part in node.value for one in (part if isinstance(part, tuple) else (part,))]
    found = (_that_holds_itself(one, (*above, node)) for one in parts)
    return next(filter(None, found), None)


def _no_yaml(error: yaml.YAMLError, text: str) -> str:
    """Where a text is no YAML, and why."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:  # a character that YAML does not allow
        return f": is no YAML ({error})"
    lines = text.splitlines()
    number = min(mark.line, len(lines) - 1)  # the end of the file counts as its last line
    tab = " Indent by spaces: YAML takes no tabs." if "\t" in lines[number] else ""
    return f", line {number + 1}: is no YAML ({error.problem}).{tab}"


def _listed(faults: Iterable[str]) -> str:
    return "\n".join(f"  - {fault}" for fault in faults)


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
