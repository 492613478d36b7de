"""The table of backbones, which stands for timm before a run."""

import json
import subprocess
import sys

import pytest

from betrayed.config import known_backbones
from betrayed.config.known_backbones import find_backbone
from support.documents import DOCS
from support.paths import ROOT

TABLE = json.loads((ROOT / "scripts/betrayed/config/known_backbones.json").read_text())
NAMES = list(TABLE["backbones"])


@pytest.fixture(scope="module")
def tool():
    sys.path.insert(0, str(DOCS / "tools"))
    import backbone_table

    return backbone_table


@pytest.mark.slow
def test_the_table_is_of_the_timm_that_is_locked(tool):
    import timm

    assert TABLE["timm"] == timm.__version__, "Run docs/tools/backbone_table.py."
    assert set(NAMES) <= set(tool.vit_names())
    for name in NAMES:
        assert TABLE["backbones"][name]["tags"] == tool.tags(name)


@pytest.mark.slow
def test_the_table_says_what_timms_models_are(tool):
    """Of each kind one, and of what it leaves out: all of them take minutes."""
    some = ["vit_tiny_patch16_224", "vit_small_patch14_dinov2", "vit_small_patch16_dinov3_qkvb"]
    some += ["eva02_tiny_patch14_224", "vit_small_patch14_reg4_dinov2", "vit_small_patch8_224"]
    without = ["test_vit2", "vit_small_patch16_18x2_224"]  # no class token; parallel attentions
    assert tool.table(some + without) == {name: TABLE["backbones"][name] for name in sorted(some)}
    assert not set(without) & set(NAMES)


def test_facts_are_those_of_the_name():
    found = find_backbone("vit_small_patch14_dinov2.lvd142m")
    assert (found.patch, found.depth, found.width) == (14, 12, 384)
    assert find_backbone("vit_small_patch14_dinov2") == found
    for name, row in TABLE["backbones"].items():
        if "patch" in name:
            assert f"patch{row['patch']}_" in f"{name}_"


def test_another_timm_is_asked_itself(monkeypatch):
    monkeypatch.setitem(known_backbones._table(), "timm", "0.0")
    assert find_backbone("resnet18.a1_in1k") is None  # whatever it is: the job will say
    with pytest.raises(ValueError, match="timm has no ViT called 'vit_gone' that the method"):
        find_backbone("vit_gone")
    monkeypatch.setattr(known_backbones, "_has", lambda *_: pytest.fail("it is in the table"))
    assert find_backbone("vit_small_patch14_dinov2").width == 384


def test_the_checks_before_a_run_load_neither_torch_nor_timm():
    code = (
        "import sys, yaml; from betrayed.config.checks import check\n"
        "from betrayed.config.runs import runs\n"
        "runs(check(yaml.safe_load(open('config.yaml'))))\n"
        "print([name for name in ('torch', 'timm', 'numpy', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PYTHONPATH": "scripts"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"
