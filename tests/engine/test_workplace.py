import signal
import subprocess
import sys
from pathlib import Path

import pytest

from betrayed.engine.sources import program_sources
from betrayed.engine.workplace import claim
from betrayed.errors import UserError
from support.paths import ROOT, SCRIPTS


def test_a_folder_is_claimed_once_and_freed_by_death(tmp_path):
    program = (
        "import sys, time; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path; from betrayed.engine.workplace import claim\n"
        "kept = claim(Path(sys.argv[2])); print('now', flush=True); time.sleep(60)\n"
    )
    command = [sys.executable, "-c", program, str(SCRIPTS), str(tmp_path)]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "now\n"
    with pytest.raises(UserError, match="Another snakemake is at work"):
        claim(tmp_path)
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    claim(tmp_path).close()


def test_parts_of_a_package_are_found():
    assert "scripts/betrayed/synthetic/film.py" in program_sources("make_dataset")


def test_a_program_is_made_of_what_it_imports_also_indirectly():
    found = program_sources("cluster_tracks")
    assert found == sorted(found)
    assert "scripts/cluster_tracks.py" in found
    assert "scripts/betrayed/__init__.py" in found
    assert "scripts/betrayed/clustering/clustering.py" in found
    assert "scripts/betrayed/io/files.py" in found  # through artefacts
    assert "scripts/betrayed/synthetic/film.py" not in found


@pytest.mark.parametrize("program", sorted(p.stem for p in (SCRIPTS).glob("*.py")))
def test_the_sources_found_are_those_that_python_loads(program):
    code = (
        "import sys; sys.path.insert(0, 'scripts'); import importlib\n"
        f"importlib.import_module({program!r})\n"
        "print(*[m.__file__ for n, m in sys.modules.items() if n.split('.')[0] == 'betrayed'])\n"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    names = {Path(file).resolve().relative_to(ROOT).as_posix() for file in loaded}
    assert names <= set(program_sources(program))
