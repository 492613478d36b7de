"""The workflow's tables, read for the report."""

from pathlib import Path

import pandas as pd

from betrayed.errors import UserError


def read_table(path: Path, only: list[list[tuple[str, str, str]]] | None = None) -> pd.DataFrame:
    """A table of the workflow; ``only``: conditions on its rows.

    Raises:
        UserError: it is missing or damaged.
    """
    if not path.is_file():
        raise UserError(f"{path} does not exist. Run the workflow to make it.")
    try:
        table = pd.read_parquet(path, filters=only)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}). Delete it and run again.") from error
    texts = table.select_dtypes("category").columns
    return table.astype(dict.fromkeys(texts, "str"))
