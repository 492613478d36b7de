"""Write the settings of every run, or what is swept in each (Snakemake's ``script:``).

Of the configuration, and not of parameters: Snakemake prints those that have changed.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from betrayed.config.runs import runs, settings_of_runs, swept_runs

if TYPE_CHECKING:
    from snakemake.script import snakemake

made = {run.run: run for run in runs(snakemake.config)}.values()
for name, path in snakemake.output.items():
    told = {"settings": settings_of_runs, "swept": swept_runs}[name](made)
    Path(path).write_text(json.dumps(told, sort_keys=True), encoding="utf-8")
