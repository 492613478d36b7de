"""The Snakefile is read in every job: what it imports must be there in no time."""

import re
import subprocess
import sys

from support.paths import ROOT, SCRIPTS

SLOW = ("numpy", "scipy", "pandas", "torch", "PIL", "av")


def test_rules_import_nothing_that_takes_long_to_load():
    found = [
        line
        for file in sorted((ROOT / "rules").rglob("*.smk"))
        for line in re.findall(r"^from betrayed.* import .+$", file.read_text(), re.MULTILINE)
    ]
    assert len(found) > 5
    code = "\n".join(["import sys", *found, f"print([m for m in {SLOW} if m in sys.modules])"])
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=SCRIPTS,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == "[]"
