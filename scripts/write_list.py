"""Write what a rule has found as JSON, for the program that reads it (Snakemake's ``script:``).

Each output is the parameter of its name. A ``run:`` would do the same in a Snakemake of its own,
which reads and plans the whole workflow first.
"""

from typing import TYPE_CHECKING

from betrayed.engine.programs import run_in_rule
from betrayed.io.json_files import write_json

if TYPE_CHECKING:
    from snakemake.script import snakemake


def main() -> None:
    """Write the lists."""
    for name, path in snakemake.output.items():
        write_json(path, snakemake.params[name])


run_in_rule(main, snakemake.log[0])
