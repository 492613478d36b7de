"""What a file of weights says of where it comes from."""

import json
from pathlib import Path

from safetensors import safe_open


def noted(path: Path) -> dict[str, str | None]:
    """As safetensors itself reads it."""
    with safe_open(path, "pt") as file:
        return json.loads(file.metadata()["weights"])
