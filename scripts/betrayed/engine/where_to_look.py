"""Where everything lies that a run has left: what its last lines say."""

from collections.abc import Iterable, Mapping
from pathlib import Path


def places_text(
    results: str | Path, masks: Iterable[str], blocks: Iterable[str], report: str
) -> str:
    """A line each for masks, pictures, tables, trainings, exports and the report that are there.

    Args:
        results: the folder of results.
        masks: the folders of masks, of every data set and run.
        blocks: identifiers of the blocks that were trained.
        report: the command that makes the report, shown where there is none yet.
    """
    results = Path(results)
    tables, page = results / "tables", results / "report.html"
    newest = tables / "summary.csv"
    stale = page.exists() and newest.exists() and page.stat().st_mtime < newest.stat().st_mtime
    # Where nothing was scored the leaderboard is empty, and the list of videos says more.
    scored = _has_rows(tables / "leaderboard.csv")
    first = "leaderboard.md" if scored else "videos.csv"
    found = {
        "Masks": _some(Path(path) for path in masks),
        "Overlays": _some([results / "pictures"]),
        "Attention": _some([results / "attention_pictures"]),
        "Tables": _some(tables / name for name in (first, "sweep.csv", "sweep.svg")),
        "Training": _some(results / "blocks" / block / "clusters.png" for block in blocks),
        "Exports": _some([results / "exports"]),
        "Report": f"{page}{f' (older than the tables: {report})' if stale else ''}"
        if page.exists()
        else report,
    }
    return _aligned({name: place for name, place in found.items() if place})


def _some(paths: Iterable[Path], most: int = 3) -> str:
    """Those of the paths that exist, the first ones by name."""
    there = [str(path) + ("/" if path.is_dir() else "") for path in paths if path.exists()]
    more = f", and {len(there) - most} more" if len(there) > most else ""
    return ", ".join(there[:most]) + more


def _has_rows(table: Path) -> bool:
    """Whether a CSV file is there and has a row below its head."""
    if not table.exists():
        return False
    with table.open(encoding="utf-8", errors="replace") as file:
        return sum(1 for _, line in zip(range(2), file, strict=False) if line.strip()) == 2


def _aligned(places: Mapping[str, str]) -> str:
    width = max(map(len, places)) + 2
    return "\n".join(f"{f'{name}:':{width}}{place}" for name, place in places.items())
