"""The table of failures: the videos that were left out, and why."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from betrayed.errors import UserError
from betrayed.io.csv_quoting import quoting
from betrayed.io.files import whole_file

COLUMNS = ("dataset", "video", "stage", "reason")


def write_failure_table(folder: str | Path, failures: Sequence[Mapping[str, str]]) -> None:
    """Write failures.csv and failures.parquet into ``folder``.

    Args:
        folder: where to write.
        failures: ``dataset``, ``video``, ``stage`` and ``reason`` of each; the same failure, handed
            down to several records, counts once.
    """
    table = pd.DataFrame(failures, columns=list(COLUMNS), dtype="string")
    table = table.drop_duplicates().sort_values(list(COLUMNS), ignore_index=True)
    with whole_file(Path(folder) / "failures.csv") as temporary:
        quoted = quoting(table["reason"])
        table.to_csv(temporary, index=False, lineterminator="\n", quoting=quoted)
    with whole_file(Path(folder) / "failures.parquet") as temporary:
        table.to_parquet(temporary, index=False)


def failures_text(path: str | Path) -> str:
    """What failed, for people: a paragraph for each video; empty when nothing did.

    Raises:
        UserError: there is no such table.
    """
    if not Path(path).is_file():
        raise UserError(f"{path} does not exist. Run the workflow to make it.")
    table = pd.read_csv(path, dtype="string", keep_default_na=False)
    return "\n".join(
        f"{row.dataset} / {row.video}, in {row.stage}: {row.reason}" for row in table.itertuples()
    )
