"""What profiles make of the machine that they are read on."""

import pytest
from snakemake.profiles import ProfileConfigFileParser

from support.paths import ROOT


def read(profile):
    with (ROOT / "profiles" / profile / "config.yaml").open() as file:
        return ProfileConfigFileParser().parse(file)


@pytest.mark.parametrize(
    ("kept", "asked"),
    [
        ("accounting_storage/slurmdbd", "sacct"),
        ("accounting_storage/none", "squeue"),
        ("(null)", "squeue"),  # as newer versions have it
        (None, "squeue"),  # no answer
    ],
)
def test_states_are_asked_of_what_the_cluster_has(kept, asked, tmp_path, monkeypatch):
    said = f"AccountingStorageType   = {kept}\nMinJobAge               = 300 sec"
    program = tmp_path / "scontrol"
    program.write_text(f"#!/bin/sh\ncat <<'.'\n{said}\n.\n" if kept else "#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    profile = read("slurm")
    assert profile["slurm-status-command"] == asked
    assert not any("use_yte" in name or "definitions" in name for name in profile)


def test_both_profiles_say_the_same_of_what_both_have():
    default, slurm = read("default"), read("slurm")
    both = {name for name in default if name in slurm}
    assert both == {"rerun-incomplete", "nolock", "keep-going", "scheduler"}
    assert {name: default[name] for name in both} == {name: slurm[name] for name in both}
