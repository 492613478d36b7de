"""Settings are declared once: config.yaml says what the classes say, and nothing else does."""

import ast
import re
from dataclasses import fields, is_dataclass

import pytest
import yaml

from betrayed.config import checks, sections, synthetic
from betrayed.config.sections import SECTIONS, Configuration, DatasetSection
from betrayed.config.synthetic import SyntheticSettings
from betrayed.synthetic.stories import STORIES
from support.configurations import DEFAULT
from support.paths import ROOT, SCRIPTS

TEXT = (ROOT / "config.yaml").read_text(encoding="utf-8")
LINES = TEXT.splitlines()
PARTS = {name: kind for name, kind in SECTIONS.items() if is_dataclass(kind)}


def declared(kind):
    """Default and help of each field."""
    return {
        name: (field.default, field.description) for name, field in kind.__pydantic_fields__.items()
    }


def comment(key):
    """The comment lines right above a key, at its indentation, and what follows it on its line."""
    number, indent = key.start_mark.line, key.start_mark.column
    above = []
    for line in reversed(LINES[:number]):
        if not re.match(rf" {{{indent}}}#", line):
            break
        above.insert(0, line.strip().lstrip("#").strip())
    behind = re.search(r"(?:^|\s)#\s(.*)$", LINES[number][key.end_mark.column :])
    return " ".join([*above, *([behind[1]] if behind else [])]).strip()


def comments(*path):
    """The comment of every key of a section of config.yaml."""
    node = yaml.compose(TEXT)
    for name in path:
        node = next(value for key, value in node.value if key.value == name)
    return {key.value: comment(key) for key, _ in node.value}


def differing(one, other):
    """The names under which two mappings have different values, or one has none."""
    absent = object()
    names = sorted({*one, *other})
    return [name for name in names if one.get(name, absent) != other.get(name, absent)]


@pytest.mark.parametrize("section", PARTS)
def test_every_setting_stands_in_the_configuration_with_its_default(section):
    defaults = {name: default for name, (default, _) in declared(PARTS[section]).items()}
    plain = {name: list(one) if isinstance(one, tuple) else one for name, one in defaults.items()}
    given = DEFAULT.get(section) or {}
    assert given == plain, (
        f"config.yaml and the class of {section} differ in {differing(given, plain)}: write each "
        "setting into config.yaml with the class's default, and its help as a comment"
    )


def test_the_top_level_and_the_made_data_set_have_every_setting():
    one_sided = set(DEFAULT) ^ {field.name for field in fields(Configuration)}
    assert not one_sided, (
        f"in config.yaml or in Configuration (config/sections.py), not in both: {one_sided}"
    )
    for name in ("method", "seed"):
        assert DEFAULT[name] == declared(Configuration)[name][0]
    made = DEFAULT["datasets"]["made"]
    assert set(made) == {field.name for field in fields(DatasetSection)}
    assert made["make"] == {
        name: default for name, (default, _) in declared(SyntheticSettings).items()
    }


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ((), Configuration),
        *(((section,), kind) for section, kind in PARTS.items()),
        (("datasets", "made"), DatasetSection),
        (("datasets", "made", "make"), SyntheticSettings),
    ],
    ids=str,
)
def test_comments_in_the_configuration_are_the_help_of_the_classes(path, kind):
    wanted = {name: help for name, (_, help) in declared(kind).items()}
    found = comments(*path)
    told = "\n".join(
        f"{name}: {wanted.get(name, 'is no setting of the class')!r}"
        for name in differing(found, wanted)
    )
    assert found == wanted, (
        f"Write into config.yaml{''.join(f', {part}' for part in path)}, as comments above the "
        f"keys or behind them, what the classes in config/ say:\n{told}"
    )
    assert all(wanted.values()) or not path  # sections may be named well enough


def test_every_class_of_settings_is_in_the_configuration_or_that_of_a_program():
    text = "\n".join(path.read_text() for path in SCRIPTS.glob("*.py"))
    told = set(re.findall(r"\b(?:read_settings|checked)\((\w+),", text))
    kinds = {
        node.name
        for path in (SCRIPTS / "betrayed" / "config").glob("*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef)
        and any(isinstance(one, ast.Name) and one.id == "settings" for one in node.decorator_list)
    }
    used = {kind.__name__ for kind in [*PARTS.values(), DatasetSection, Configuration]}
    bases = {
        base.__name__
        for name in told | used
        for module in (sections, checks)
        if hasattr(module, name)
        for base in getattr(module, name).__mro__
    }
    assert told <= kinds
    idle = kinds - told - used - bases - {"BackboneName", "LossSettings"}
    assert not idle, (
        f"{idle}: make each a section by a line in Configuration (config/sections.py), or the "
        "settings of a program, which reads them by read_settings"
    )


def test_there_are_as_many_fixed_stories_as_the_configuration_allows():
    assert len(STORIES) == synthetic.FIXED == DEFAULT["datasets"]["made"]["make"]["clips"]


def test_nothing_has_a_default_of_its_own_for_a_setting():
    """What a setting is where none is given is said by its class alone."""
    declared_names = {field.name for kind in PARTS.values() for field in fields(kind)}
    declared_names |= {"sweep_mode", "allow_failures", "layout", "annotation_kind"}
    found = []
    for path in sorted(SCRIPTS.rglob("*.py")):
        if path.parent.name == "synthetic":
            continue
        in_config = path.parent.name == "config"
        for node in ast.walk(ast.parse(path.read_text())):
            for name, default in second_defaults(node, in_config):
                number_or_text = isinstance(default, ast.Constant | ast.UnaryOp)
                if name in declared_names and number_or_text and ast.unparse(default) != "None":
                    found.append(f"{path.name}: {name}={ast.unparse(default)}")
    assert sorted(found) == [
        # 0 is what the rules say for null.
        "cache_features.py: batch_size=0",
        "extraction.py: annotation_kind='ids'",
        "extraction.py: layout='folder'",
        "list_videos.py: batch_size=0",
        "segment_pieces.py: batch_size=0",
        "train_block.py: videos='[]'",
    ]
    # A plain folder of images, for those who call the library.
    defaults = declared(DatasetSection)
    assert (defaults["annotation_kind"][0], defaults["layout"][0]) == ("ids", "folder")


def second_defaults(node, in_config):
    """Names with their defaults: of a function, a class, an option of a program, or a look-up."""
    if isinstance(node, ast.FunctionDef):
        plain = (node.args.posonlyargs + node.args.args)[::-1]
        for argument, default in [
            *zip(plain, node.args.defaults[::-1], strict=False),
            *zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True),
        ]:
            yield argument.arg, default
    elif isinstance(node, ast.ClassDef) and not in_config:
        for line in node.body:
            if isinstance(line, ast.AnnAssign) and line.value is not None:
                yield line.target.id, line.value
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
        name = node.args[0]
        if not isinstance(name, ast.Constant) or not isinstance(name.value, str):
            return
        if node.func.attr == "add_argument":
            for keyword in node.keywords:
                if keyword.arg == "default":
                    yield name.value.lstrip("-").replace("-", "_"), keyword.value
        elif in_config and node.func.attr in ("get", "setdefault", "pop") and node.args[1:]:
            yield name.value, node.args[1]


@pytest.mark.parametrize(
    "path", ["config.yaml", *(f"presets/{one.name}" for one in (ROOT / "presets").glob("*.yaml"))]
)
def test_data_lie_where_anybody_may_have_them(path):
    """Under the project, or where a variable says: a place beside it is one machine's own."""
    datasets = yaml.safe_load((ROOT / path).read_text(encoding="utf-8")).get("datasets", {})
    for name, dataset in datasets.items():
        root = dataset.get("root", "")
        assert not root.startswith(("/", "~", "..")), f"datasets.{name}.root: {root}"
