"""What all rules begin with: imports that are there in no time, and the start of every command."""

import ast
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


def test_on_the_screen_of_make_jobs_print_nothing_and_what_snakemake_reads_is_there(tmp_path):
    """It reads the version of a conda environment's Python from what a command prints."""
    rules = [path.read_text() for path in (ROOT / "rules").rglob("*.smk")]
    assert sum(text.count("shell:") for text in rules) == sum(
        text.count(' 2>&1 | tee {log:q}"\n') for text in rules
    )
    common = (ROOT / "rules" / "common.smk").read_text()
    prefix = "".join(map(ast.literal_eval, re.findall(r"^ *prefix \+?= (.+)$", common, re.M)))
    log = tmp_path / "a log"
    command = f"{prefix.format()}echo said | tee '{log}'; echo 3.11; false | tee '{log}.2'"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert (done.stdout, done.stderr, done.returncode) == ("3.11\n", "", 1)
    assert log.read_text() == "said\n"
