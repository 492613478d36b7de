"""Write the settings of every run, or what is swept in each (Snakemake's ``script:``).

Of the configuration, and not of parameters: Snakemake prints those that have changed.
"""

from typing import TYPE_CHECKING

from betrayed.config.runs import runs, settings_of_runs, swept_runs
from betrayed.engine.programs import run_in_rule
from betrayed.io.json_files import write_json

if TYPE_CHECKING:
    from snakemake.script import snakemake


def main() -> None:
    """Write the list."""
    made = {run.run: run for run in runs(snakemake.config)}.values()
    for name, path in snakemake.output.items():
        write_json(path, {"settings": settings_of_runs, "swept": swept_runs}[name](made))


run_in_rule(main, snakemake.log[0])
