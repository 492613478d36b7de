"""Measure every stage that uses a GPU, and write down what was found.

    python benchmarks/gpu.py --output DIR

writes DIR/gpu.json and DIR/gpu.md. It needs no network, no data and no weights: videos are made,
and weights are random. On one H100 it takes some four minutes. A part that fails is named with its
error, and the others go on; the status is then 1. Without a GPU everything is measured at a tiny
size, which says nothing of speed but that the program runs.

Rates of two versions are from rounds in which they take turns; "of" and "times" are medians over
the rounds. Peak memory is what torch had allocated on the GPU. The share of time that the GPU
computes is that in which one of its kernels ran, as torch's profiler saw them in a run of its own;
copies are none.
"""

import argparse
import json
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from betrayed.engine.leasing import lease_gpus
from betrayed.engine.programs import run

#: What is to be reached on one H100: figure → (unit, reach, aim, whether more is better).
REACH = {
    "caching over the bare forward pass": ("", 0.85, 0.95, True),
    "clustering 60 × 2,400 over the plain algorithm": ("×", 10, 30, True),
    "thresholds of six with the same partition as on the CPU": ("", 6, 6, True),
    "largest DAVIS clip, memory": ("GB", 17.2, 8.6, False),
    "largest DAVIS clip, time": ("s", 20, 8, False),
    "training step, paper's settings, over the plain step": ("×", 3, 6, True),
    "32 videos, share of the GPU stages' time that it computes": ("", 0.5, 0.8, True),
}

#: A part's rows, and the figures of REACH that it gives.
Part = Callable[[], tuple[list[dict[str, Any]], dict[str, float | None]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", required=True, type=Path, help="folder for gpu.json and gpu.md")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument(
        "--size", choices=["full", "tiny"], help="default: full on a GPU, else tiny"
    )
    parser.add_argument("--parts", nargs="+", metavar="PART", help="some parts only; default: all")
    parser.add_argument("--scratch", type=Path, help="where videos and features go; default: /tmp")
    arguments = parser.parse_args()
    # Before torch is imported: which GPU it sees, and what deterministic products need.
    lease_gpus(arguments.device)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    from gpu_parts import parts
    from gpu_parts.bench import SIZES, Bench

    from betrayed.engine.devices import choose_device
    from betrayed.io.progress import silence

    silence()
    device = choose_device(arguments.device)
    size = arguments.size or ("full" if device.type == "cuda" else "tiny")
    with tempfile.TemporaryDirectory(prefix="betrayed-gpu-", dir=arguments.scratch) as folder:
        bench = Bench(device, SIZES[size], Path(folder))
        every = parts(bench)
        if unknown := set(arguments.parts or []) - set(every):
            parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(every)}")
        chosen = {name: every[name] for name in arguments.parts or every}
        facts = {**bench.machine(), "size": size}
        found = measure(chosen, facts, arguments.output)
    failed = [name for name, part in found["parts"].items() if "error" in part]
    print(f"\n{arguments.output / 'gpu.md'}", file=sys.stderr)
    if failed:
        sys.exit(f"These parts failed: {', '.join(failed)}.")


def measure(parts: Mapping[str, Part], machine: dict[str, Any], output: Path) -> dict[str, Any]:
    """Measure one part after another, whatever fails; after each of them all is written."""
    output.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {"machine": machine, "parts": {}, "reached": {}}
    for name, part in parts.items():
        print(f"{name} …", file=sys.stderr, flush=True)
        began = time.monotonic()
        told: dict[str, Any] = {}
        try:
            told["rows"], reached = part()
            found["reached"] |= reached
        except Exception as error:
            traceback.print_exc()
            told["error"] = f"{type(error).__name__}: {error}"
        told["seconds"] = round(time.monotonic() - began, 1)
        found["parts"][name] = told
        (output / "gpu.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        (output / "gpu.md").write_text(markdown(found), encoding="utf-8")
    return found


def markdown(found: Mapping[str, Any]) -> str:
    """All that was found, as tables."""
    machine = found["machine"]
    lines = [f"# {machine['device']}", ""]
    lines += [", ".join(f"{name} {value}" for name, value in machine.items()) + ".", ""]
    if machine["size"] == "full" and found["reached"]:
        rows = []
        for name, value in found["reached"].items():
            unit, reach, aim, more = REACH[name]
            known = value is not None
            good = known and (value >= reach if more else value <= reach)
            rows.append(
                {
                    "figure": name,
                    "found": f"{value:.3g} {unit}".strip() if known else "not known",
                    "reach": f"{reach:g} {unit}".strip(),
                    "aim": f"{aim:g} {unit}".strip(),
                    "reached": "yes" if good else "no" if known else "",
                }
            )
        lines += [*table(rows), ""]
    for name, part in found["parts"].items():
        lines += [f"## {name} ({part['seconds']:.0f} s)", ""]
        lines += table(part["rows"]) if "rows" in part else [f"**Failed:** {part['error']}"]
        lines += [""]
    return "\n".join(lines)


def table(rows: list[dict[str, Any]]) -> list[str]:
    """Rows with the same keys as a Markdown table."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
    for row in rows:
        lines.append(f"| {' | '.join(_shown(row.get(name)) for name in names)} |")
    return lines


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    run(main)
