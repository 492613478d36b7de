"""Write what is made of the declared settings: the reference page and the schema for editors.

    python docs/tools/settings_reference.py          # write both
    python docs/tools/settings_reference.py --print  # print the page instead

docs/settings-reference.md has every setting with its default, its range and what it does;
docs/settings.schema.json is what editors check and complete configurations by. Both come from
the classes in scripts/betrayed/config/, which the checks before a run use, too.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from betrayed.config.runs import RUN_SECTIONS  # noqa: E402
from betrayed.config.sections import SECTIONS, Configuration, DatasetSection  # noqa: E402
from betrayed.config.sweep_checks import SWEEPABLE  # noqa: E402
from betrayed.config.synthetic import SyntheticSettings  # noqa: E402

PAGE = ROOT / "docs" / "settings-reference.md"
SCHEMA = ROOT / "docs" / "settings.schema.json"
HEAD = """\
# Settings reference

<!-- Made by settings_reference.py from the classes in scripts/betrayed/config/: edit those. -->

Every setting of `config.yaml`, with its default and what is allowed. How to change them, and which
ones matter, is on the page [Settings](settings.md). A value that is not allowed is refused before
any job starts. Editors that know JSON schemas check and complete a configuration by
[settings.schema.json](settings.schema.json), as the first line of `config.yaml` says.
"""
DATA_SETS = """\
Each data set has a name of its own; its `root` must be given. The data sets that `config.yaml`
describes are on the page [Data sets](datasets.md).
"""


def page() -> str:
    """The page in Markdown."""
    rules = schema()["properties"]
    alone = [name for name, kind in SECTIONS.items() if not is_dataclass(kind)]
    alone = [name for name in alone if name not in ("datasets", "runs")]
    parts = [HEAD, "## The top level", "", _table(alone, rules)]
    parts.append(_section("datasets.<name>", DatasetSection, DATA_SETS))
    for name, kind in SECTIONS.items():
        if is_dataclass(kind):
            parts.append(_section(name, kind, _sentence(rules[name].get("description", ""))))
    return "\n".join(parts).rstrip() + "\n"


def schema() -> dict[str, Any]:
    """The JSON schema of a configuration, or of a file that changes some of its settings."""
    whole = TypeAdapter(Configuration).json_schema()
    for part in [whole, *whole["$defs"].values()]:
        # A file for --configfile says only what it changes, and so does a run.
        part.pop("required", None)
    properties = whole["properties"]
    run = {name: properties[name] for name in RUN_SECTIONS}
    one_run = {"type": "object", "additionalProperties": False, "properties": run}
    properties["runs"]["additionalProperties"] = {"anyOf": [one_run, {"type": "null"}]}
    properties["sweep"] |= {"additionalProperties": False, "properties": _lists(whole)}
    # YAML's anchors and merges are resolved before a schema is applied.
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **whole}


def _lists(whole: Mapping[str, Any]) -> dict[str, Any]:
    """A list of values for every setting that can be swept."""
    lists = {}
    for setting in SWEEPABLE:
        section, _, name = setting.partition(".")
        rule = whole["properties"][section]
        if name:
            rule = whole["$defs"][rule["$ref"].rpartition("/")[2]]["properties"][name]
        rule = {key: value for key, value in rule.items() if key != "default"}
        lists[setting] = {"type": "array", "items": rule, "minItems": 1}
    return lists


def _section(name: str, kind: type, intro: str) -> str:
    rules = TypeAdapter(kind).json_schema()["properties"]
    names = [field.name for field in fields(kind)]
    table = _table(names, rules)
    if "make" in names:
        inside = TypeAdapter(SyntheticSettings).json_schema()["properties"]
        inside = {f"make.{one}": rule for one, rule in inside.items()}
        table += "".join(f"{row}\n" for row in _rows(inside, inside))
    return f"## `{name}`\n\n{intro}\n{table}" if intro else f"## `{name}`\n\n{table}"


def _table(names: Iterable[str], rules: Mapping[str, Any]) -> str:
    rows = ["| setting | default | allowed | what it does |", "|---|---|---|---|"]
    return "\n".join([*rows, *_rows(names, rules)]) + "\n"


def _rows(names: Iterable[str], rules: Mapping[str, Any]) -> list[str]:
    rows = []
    for name in names:
        rule = rules[name]
        allowed = (
            "list of [protocols](tables.md#protocols)" if name == "protocols" else _allowed(rule)
        )
        default = f"`{_shown(rule['default'])}`" if "default" in rule else ""
        cells = [f"`{name}`", default, allowed, rule.get("description", "")]
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return rows


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:].rstrip('.')}.\n" if text else ""


def _shown(value: Any) -> str:
    if isinstance(value, list | dict):
        return yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10**6).strip()
    if isinstance(value, float):
        return f"{value:g}".replace("e-0", "e-") if value and abs(value) < 1e-3 else f"{value}"
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return str(value)


def _allowed(rule: Mapping[str, Any]) -> str:
    """What a rule of the schema allows, in words."""
    if "anyOf" in rule:
        kinds = [{**rule, **one} for one in rule["anyOf"]]
        for one in kinds:
            one.pop("anyOf", None)
        words = [_allowed(one) for one in kinds if one.get("type") != "null"]
        return ", or ".join([*words, "`null`"] if len(words) < len(kinds) else words)
    if "enum" in rule:
        return "one of " + ", ".join(f"`{name}`" for name in rule["enum"])
    words = {
        "integer": "whole number",
        "number": "number",
        "string": "text",
        "boolean": "`true`, `false`",
        "array": "list of texts",
    }
    text = words.get(rule.get("type", ""), "settings")
    bounds = {
        "minimum": "at least {:g}",
        "exclusiveMinimum": "above {:g}",
        "maximum": "at most {:,}",
        "exclusiveMaximum": "below {:g}",
    }
    limits = [form.format(rule[name]) for name, form in bounds.items() if name in rule]
    unit = [f"in {rule['unit']}"] if "unit" in rule else []
    return ", ".join([text, *limits, *unit])


def main() -> None:
    """Write the page and the schema, or print the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--print", action="store_true", help="print the page instead")
    if parser.parse_args().print:
        print(page(), end="")
    else:
        PAGE.write_text(page(), encoding="utf-8")
        SCHEMA.write_text(
            json.dumps(schema(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
