"""The log of a training as a TensorBoard event file."""

import csv
import math
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

from betrayed.errors import UserError
from betrayed.io.files import whole_folder

#: TensorBoard takes files for its own by the third word.
NAME = "events.out.tfevents.0.betrayed"
#: The version that an event file begins with: of the form, not of a program.
_VERSION = "brain.Event:2"


def write_events(table: str | Path, folder: str | Path) -> int:
    """Write ``folder`` with an event file of a training's log: a scalar for each of its columns.

    Scalars are called ``training/loss`` and so on. Their steps are the log's; it has no times, so
    all have the file's. Equal logs give equal files.

    Args:
        table: ``training.csv``: a column ``step``, and columns of numbers.
        folder: replaced as a whole when all is well; untouched otherwise.

    Returns:
        How many steps there are.

    Raises:
        UserError: the table is missing, or is none.
    """
    rows = _read(Path(table))
    with (
        whole_folder(folder) as temporary,
        (temporary / NAME).open("wb") as file,
    ):
        writer = RecordWriter(file)
        writer.write(Event(wall_time=0, file_version=_VERSION).SerializeToString())
        for step, values in rows:
            scalars = [
                Summary.Value(tag=f"training/{name}", simple_value=value)
                for name, value in values.items()
            ]
            event = Event(wall_time=0, step=step, summary=Summary(value=scalars))
            writer.write(event.SerializeToString())
        writer.flush()
    return len(rows)


def _read(path: Path) -> list[tuple[int, dict[str, float]]]:
    """The steps of a log, each with its columns; what is no number (nan) is left out."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            found = []
            for row in csv.DictReader(file):
                step = int(row.pop("step"))
                numbers = {name: float(value) for name, value in row.items()}
                found.append((step, {k: v for k, v in numbers.items() if not math.isnan(v)}))
            return found
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist. Train a block to make it.") from error
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{path} is no log of a training ({error!r}). Delete it and run the workflow again."
        ) from error
