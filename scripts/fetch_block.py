"""Fetch a trained block from a hub repository."""

import argparse

from betrayed.engine.programs import run


def main() -> None:
    """Read the command line and fetch."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True, help="hub:owner/name, or hub:owner/name/file.pt")
    parser.add_argument("--output", required=True, help="file to write")
    arguments = parser.parse_args()

    from betrayed.block.fetching import fetch_block

    fetch_block(arguments.name, arguments.output)


if __name__ == "__main__":
    run(main)
