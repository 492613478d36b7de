"""Whether results can be written, looked at before a run computes anything."""

from pathlib import Path

from betrayed.engine.folder_claim import check_writable

#: Where Snakemake itself makes and deletes files: lists, tables, records, logs. Other folders, a
#: video each of them, are the programs', which say by themselves what they cannot write.
_SNAKEMAKES = (
    "*",
    "*/average_precision",
    "*/records/**",
    "benchmarks/**",
    "blocks/**",
    "exports/*",
    "exports/*/*",
    "logs/**",
    "same_object/*",
    "tables/**",
)


def check_results_writable(results: Path) -> None:
    """Check the folders of results in which Snakemake would end in the middle of a run.

    Links are passed over: what they lead to may be shared, to be read alone.

    Raises:
        UserError: in one of them nothing can be made.
    """
    check_writable(results)
    real = results.resolve()
    for pattern in _SNAKEMAKES:
        for folder in sorted(results.glob(pattern)):
            linked = folder.resolve() != real / folder.relative_to(results)
            if folder.is_dir() and not linked:
                check_writable(folder)
