"""The library installs by itself, and what it imports is what its metadata ask for."""

import ast
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import betrayed
from support.paths import ROOT, SCRIPTS

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
#: Packages that are imported under another name than their own.
NAMES = {
    "cv2": "opencv-contrib-python-headless",
    "PIL": "pillow",
    "huggingface_hub": "huggingface-hub",
    "yaml": "pyyaml",
}
#: Who has them may use them: davis2017-evaluation is on no registry, FiftyOne brings a database,
#: triton comes with builds of torch for CUDA.
OPTIONAL = {"davis2017", "fiftyone", "triton"}


def test_every_package_that_the_library_imports_is_a_dependency():
    found = set()
    for path in (SCRIPTS / "betrayed").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                found.add(node.module.partition(".")[0])
    others = found - {"betrayed"} - set(sys.stdlib_module_names) - OPTIONAL
    # pyarrow is what pandas writes Parquet with.
    assert {NAMES.get(name, name) for name in others} | {"pyarrow"} == set(PROJECT["dependencies"])


@pytest.mark.slow
@pytest.mark.parametrize("editable", [["--editable"], []])
def test_it_installs_without_the_workflow(tmp_path, editable):
    source = tmp_path / "source"
    shutil.copytree(SCRIPTS, source / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--prefix", str(tmp_path / "prefix"), *editable, "."]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (packages,) = (tmp_path / "prefix").glob("lib/python*/site-packages")
    code = (
        f"import site; site.addsitedir({str(packages)!r})\n"
        "from importlib.metadata import version; from pathlib import Path\n"
        "import betrayed, betrayed.reporting\n"
        "table = Path(betrayed.reporting.__file__).with_name('published.csv')\n"
        "print(version('betrayed'), Path(betrayed.__file__).parent, table.is_file())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    place = source / "scripts" if editable else packages
    assert done.stdout.split() == [betrayed.__version__, str(place / "betrayed"), "True"]


def test_the_citation_has_the_software_and_the_paper():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["license"] == PROJECT["license"]
    assert (ROOT / "LICENSE").read_text().startswith(f"{PROJECT['license']} License")
    assert len(citation["preferred-citation"]["authors"]) == 5
    assert Path(ROOT / "docs" / "licences.md").is_file()
