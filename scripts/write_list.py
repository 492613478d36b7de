"""Write what a rule has found as JSON, for the program that reads it (Snakemake's ``script:``).

Each output is the parameter of its name. A ``run:`` would do the same in a Snakemake of its own,
which reads and plans the whole workflow first.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from snakemake.script import snakemake

for name, path in snakemake.output.items():
    Path(path).write_text(json.dumps(snakemake.params[name], sort_keys=True), encoding="utf-8")
