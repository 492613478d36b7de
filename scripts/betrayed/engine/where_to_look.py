"""Where everything lies that a run has left: what its last lines say."""

from collections.abc import Iterable, Mapping
from pathlib import Path


def places_text(
    results: str | Path,
    masks: Iterable[str],
    blocks: Iterable[str],
    report: str,
    *,
    sweep: Iterable[str] = (),
    failed_since: float | None = None,
) -> str:
    """A line each for masks, pictures, tables, trainings, exports and the report that are there.

    Args:
        results: the folder of results.
        masks: the folders of masks, of every data set and run.
        blocks: identifiers of the blocks that were trained.
        report: the command that makes the report, shown where there is none yet.
        sweep: table and picture of the sweep; an earlier one's may be there where nothing is swept.
        failed_since: when a run that failed began: tables that it did not come to are said to be
            from before. None: it did not fail, so that they are true.
    """
    results = Path(results)
    tables, page = results / "tables", results / "report.html"
    newest = tables / "summary.csv"
    stale = page.exists() and newest.exists() and page.stat().st_mtime < newest.stat().st_mtime
    # Where nothing was scored the leaderboard is empty, and the list of videos says more.
    scored = _has_rows(tables / "leaderboard.csv")
    first = tables / ("leaderboard.md" if scored else "videos.csv")
    before = failed_since is not None and first.exists() and first.stat().st_mtime < failed_since
    shown = _some([first, *map(Path, sweep)])
    found = {
        "Masks": _some(Path(path) for path in masks),
        "Overlays": _some([results / "pictures"]),
        "Attention": _some([results / "attention_pictures"]),
        "Tables": f"{shown} (from before this run)" if before else shown,
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
