"""Write what was typed behind `make segment` as a file of settings."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from betrayed.config.checks import check
from betrayed.config.files import check_readable, settings_in
from betrayed.config.make_variables import VARIABLES, typed_settings
from betrayed.config.merging import merged
from betrayed.config.quality import with_quality
from betrayed.engine.folder_claim import claim_folder
from betrayed.engine.programs import run
from betrayed.errors import UserError
from betrayed.io.files import whole_file


def main() -> None:
    """Read the command line, check, and write; what was typed before stays where that fails.

    So it does while a run goes on, which may read it again.
    """
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--output", required=True, type=Path, help="the file to write (YAML)")
    parser.add_argument(
        "--configfile",
        required=True,
        nargs="+",
        type=Path,
        help="config.yaml, and the files that snakemake will be given, the output among them",
    )
    for name, setting in VARIABLES.items():
        parser.add_argument(f"--{name}", help=f"what was typed behind {name}=: {setting}")
    typed = vars(parser.parse_args())
    path, files = typed.pop("output"), typed.pop("configfile")
    settings = typed_settings({name: text for name, text in typed.items() if text is not None})
    _check(settings, path, files)
    try:
        with claim_folder(Path(".snakemake")), whole_file(path) as temporary:
            temporary.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"{path} cannot be written ({error.strerror}). Make {path.parent}/ a folder that you "
            "may write to."
        ) from error


def _check(typed: dict[str, Any], path: Path, files: Sequence[Path]) -> None:
    """Refuse what the run would refuse: a report of the videos would read it later."""
    check_readable([one for one in files if one != path])
    config, *overlays = [typed if one == path else settings_in(one) for one in files]
    given: dict[str, Any] = {}
    for overlay in overlays:
        given = merged(given, overlay)
    # Whether the videos are there is for the run to say.
    check(with_quality(merged(config, given), given), lambda *_: ())


if __name__ == "__main__":
    run(main)
