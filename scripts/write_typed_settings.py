"""Write what was typed behind `make segment` as a file of settings."""

import argparse
from pathlib import Path

import yaml

from betrayed.config.make_variables import VARIABLES, typed_settings
from betrayed.engine.programs import run
from betrayed.errors import UserError
from betrayed.io.files import whole_file


def main() -> None:
    """Read the command line, and write; what was typed before stays where that fails."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--output", required=True, type=Path, help="the file to write (YAML)")
    for name, setting in VARIABLES.items():
        parser.add_argument(f"--{name}", help=f"what was typed behind {name}=: {setting}")
    typed = vars(parser.parse_args())
    path = typed.pop("output")
    settings = typed_settings({name: text for name, text in typed.items() if text is not None})
    try:
        with whole_file(path) as temporary:
            temporary.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"{path} cannot be written ({error.strerror}). Make {path.parent}/ a folder that you "
            "may write to."
        ) from error


if __name__ == "__main__":
    run(main)
