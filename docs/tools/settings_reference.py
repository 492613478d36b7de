"""Write docs/settings-reference.md: every setting with its default, its range and what it does.

    python docs/tools/settings_reference.py          # write the page
    python docs/tools/settings_reference.py --print  # print it instead

Names, defaults and texts come from config.yaml and its comments: the lines above a setting, or
behind it. Types and ranges come from rules/schema.yaml.
"""

import argparse
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "settings-reference.md"
HEAD = """\
# Settings reference

<!-- Made by settings_reference.py from config.yaml and rules/schema.yaml: edit those. -->

Every setting of `config.yaml`, with its default and what is allowed. How to change them, and which
ones matter, is on the page [Settings](settings.md). A value that is not allowed is refused before
any job starts.
"""
#: The data set that stands for all of them, and a name for any.
EXAMPLE, ANY = "made", "<name>"


@dataclass(frozen=True)
class Setting:
    """A key of config.yaml."""

    name: str
    default: Any
    text: str


def page(config: str, schema: Mapping[str, Any]) -> str:
    """The page in Markdown.

    Args:
        config: the text of config.yaml.
        schema: rules/schema.yaml.
    """
    lines = config.splitlines()
    root = yaml.compose(config)
    alone: list[Setting] = []
    parts: list[str] = []
    for key, value in root.value:
        name = key.value
        intro = _comment(lines, key)
        rules = schema["properties"].get(name, {})
        if name == "datasets":
            parts.append(_data_sets(lines, value, schema))
        elif isinstance(value, yaml.MappingNode) and name != "runs":
            settings = list(_settings(lines, value))
            parts.append(_section(name, intro, settings, rules, schema))
        else:
            alone.append(Setting(name, _plain(value), intro))
    table = _table(alone, schema, schema)
    return "\n".join([HEAD, "## The top level", "", table, *parts]).rstrip() + "\n"


def _data_sets(lines: list[str], node: yaml.MappingNode, schema: Mapping[str, Any]) -> str:
    rules = schema["properties"]["datasets"]["additionalProperties"]
    found: dict[str, Setting] = {}
    for key, value in node.value:
        # The example first; settings that only others have follow.
        if isinstance(value, yaml.MappingNode):
            for setting in _settings(lines, value):
                found.setdefault(setting.name, setting)
        if key.value == EXAMPLE:
            (make,) = (two for one, two in value.value if one.value == "make")
    own = [one for one in found.values() if one.name not in ("make", "<<")]
    inside = [Setting(f"make.{one.name}", one.default, one.text) for one in _settings(lines, make)]
    made = {**rules["properties"]["make"]["properties"]}
    rules = {"properties": rules["properties"] | {f"make.{name}": made[name] for name in made}}
    intro = (
        f"Each data set has a name of its own. The defaults are those of `{EXAMPLE}`; the others "
        f"that `config.yaml` describes are on the page [Data sets](datasets.md)."
    )
    whole = Setting("make", None, found["make"].text)
    return _section(f"datasets.{ANY}", intro, [*own, whole, *inside], rules, schema)


def _section(
    name: str,
    intro: str,
    settings: list[Setting],
    rules: Mapping[str, Any],
    schema: Mapping[str, Any],
) -> str:
    text = f"{intro}\n\n" if intro else ""
    return f"\n## `{name}`\n\n{text}{_table(settings, rules, schema)}"


def _table(settings: list[Setting], rules: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    rows = ["| setting | default | allowed | what it does |", "|---|---|---|---|"]
    for one in settings:
        allowed = _allowed(rules.get("properties", {}).get(one.name, {}), schema)
        if one.name == "protocols":
            allowed = "list of [protocols](tables.md#protocols)"
        cells = [f"`{one.name}`", f"`{_shown(one.default)}`", allowed, one.text]
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def _settings(lines: list[str], node: yaml.MappingNode) -> Iterator[Setting]:
    for key, value in node.value:
        yield Setting(key.value, _plain(value), _comment(lines, key))


def _comment(lines: list[str], key: yaml.ScalarNode) -> str:
    """The comment lines right above a key, at its indentation, and what follows it on its line."""
    number, indent = key.start_mark.line, key.start_mark.column
    above: list[str] = []
    for line in reversed(lines[:number]):
        if not re.match(rf" {{{indent}}}#", line):
            break
        above.insert(0, line.strip().lstrip("#").strip())
    behind = re.search(r"(?:^|\s)#\s(.*)$", lines[number][key.end_mark.column :])
    return " ".join([*above, *([behind[1]] if behind else [])]).strip()


def _plain(node: yaml.Node) -> Any:
    return yaml.safe_load(yaml.serialize(node))


def _shown(value: Any) -> str:
    if isinstance(value, list | dict):
        return yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10**6).strip()
    if isinstance(value, float):
        return f"{value:g}".replace("e-0", "e-") if value and abs(value) < 1e-3 else f"{value}"
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return str(value)


def _allowed(rule: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """What a rule of the schema allows, in words."""
    if "$ref" in rule:
        target = schema["$defs"][rule["$ref"].rpartition("/")[2]]
        rule = {**target, **{key: value for key, value in rule.items() if key != "$ref"}}
    if "enum" in rule:
        names = ["null" if one is None else str(one) for one in rule["enum"]]
        return "one of " + ", ".join(f"`{name}`" for name in names)
    kinds = rule.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    words = {
        "integer": "whole number",
        "number": "number",
        "string": "text",
        "boolean": "`true`, `false`",
        "array": "list",
        "object": "settings",
    }
    text = " or ".join(words[kind] for kind in kinds if kind != "null")
    if "items" in rule:
        text = "list of texts"
    bounds = {
        "minimum": "at least {}",
        "exclusiveMinimum": "above {}",
        "maximum": "at most {}",
        "exclusiveMaximum": "below {}",
    }
    limits = [words.format(rule[name]) for name, words in bounds.items() if name in rule]
    text = ", ".join([text, *limits]) if text else ""
    return f"{text}, or `null`" if "null" in kinds else text


def main() -> None:
    """Write the page, or print it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--print", action="store_true", help="print the page instead")
    arguments = parser.parse_args()
    text = page(
        (ROOT / "config.yaml").read_text(encoding="utf-8"),
        yaml.safe_load((ROOT / "rules" / "schema.yaml").read_text(encoding="utf-8")),
    )
    if arguments.print:
        print(text, end="")
    else:
        PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
