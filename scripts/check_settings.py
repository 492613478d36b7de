"""Say of files of settings which cannot be read, and where, before Snakemake is given them."""

import argparse
from pathlib import Path

from betrayed.config.files import check_readable
from betrayed.engine.programs import run
from betrayed.errors import UserError


def main() -> None:
    """Read the command line, and the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", help="as for snakemake's --configfile")
    files = parser.parse_args().files
    for file in files:
        if not Path(file).exists():
            raise UserError(
                f"There is no file {file}. Name a file of settings (YAML), or leave it out."
            )
    check_readable(files)


if __name__ == "__main__":
    run(main)
