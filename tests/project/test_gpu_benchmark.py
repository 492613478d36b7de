"""The measurements on GPUs, at a tiny size on a CPU, so that they run when there is one."""

import json
import os
import subprocess
import sys

import pytest

from support.paths import ROOT

BENCHMARKS = ROOT / "benchmarks"
#: What a machine with a GPU need not have.
SPARED = ("matplotlib", "jsonschema", "onnx", "snakemake", "pycocotools", "pyarrow")


@pytest.fixture
def gpu(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import gpu

    return gpu


def measured(output, *given, spared=None, check=True):
    path = [] if spared is None else [str(spared)]
    return subprocess.run(
        [sys.executable, "benchmarks/gpu.py", "--output", str(output), "--device", "cpu", *given],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(path)},
        check=check,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_every_part_runs_without_what_only_the_workflow_needs(tmp_path, gpu):
    spared = tmp_path / "spared"
    spared.mkdir()
    for name in SPARED:
        (spared / f"{name}.py").write_text(f"raise ImportError('there is no {name}')\n")
    measured(tmp_path / "out", spared=spared)
    found = json.loads((tmp_path / "out" / "gpu.json").read_text())
    assert found["machine"]["device"] == "CPU" and found["machine"]["size"] == "tiny"
    parts = found["parts"]
    assert list(parts) == [
        "caching", "decoding", "training", "reading", "export", "clustering", "partition",
        "largest", "waits", "batch",
    ]  # fmt: skip
    assert all(part["rows"] for part in parts.values())
    assert all(row["same labels"] == 1 for row in parts["partition"]["rows"])
    looks = parts["waits"]["rows"]
    assert {row["stage"] for row in looks} == {"caching", "export", "clustering"}
    assert all(0 < row["share"] <= 1 for row in looks)
    assert all(row["ARI"] == 1 for row in parts["clustering"]["rows"])

    assert set(found["reached"]) == set(gpu.REACH)
    text = (tmp_path / "out" / "gpu.md").read_text()
    assert text.startswith("# CPU") and "| reach |" not in text  # tiny says nothing of speed
    assert text.count("\n## ") == len(parts)


def test_a_part_that_fails_is_told_and_the_others_go_on(gpu, tmp_path):
    def broken():
        raise RuntimeError("CUDA error: an illegal memory access")

    largest = "largest DAVIS clip, time"
    parts = {"one": broken, "two": lambda: ([{"s": 4.5, "peak GB": None}], {largest: 4.5})}
    gpu.measure(parts, {"device": "Some GPU", "size": "full"}, tmp_path)
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert found["parts"]["one"]["error"] == "RuntimeError: CUDA error: an illegal memory access"
    assert found["reached"] == {largest: 4.5}
    lines = (tmp_path / "gpu.md").read_text().splitlines()
    assert "**Failed:** RuntimeError: CUDA error: an illegal memory access" in lines
    assert "| largest DAVIS clip, time | 4.5 s | 20 s | 8 s | yes |" in lines
    assert "| 4.5 |  |" in lines


def test_what_was_not_reached_or_is_not_known_is_told(gpu):
    reached = {"caching over the bare forward pass": 0.8, "largest DAVIS clip, memory": None}
    found = {"machine": {"device": "x", "size": "full"}, "parts": {}, "reached": reached}
    lines = gpu.markdown(found).splitlines()
    assert "| caching over the bare forward pass | 0.8 | 0.85 | 0.95 | no |" in lines
    assert "| largest DAVIS clip, memory | not known | 17.2 GB | 8.6 GB |  |" in lines


@pytest.mark.slow
def test_parts_can_be_chosen(tmp_path):
    measured(tmp_path, "--parts", "decoding")
    assert list(json.loads((tmp_path / "gpu.json").read_text())["parts"]) == ["decoding"]
    told = measured(tmp_path, "--parts", "speed", check=False)
    assert told.returncode == 2 and "no part speed; there are caching, decoding" in told.stderr
