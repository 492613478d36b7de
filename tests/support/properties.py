"""What property-based tests share: how many cases, and what an outcome may be."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings

from betrayed.errors import UserError

_SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)
#: In the ordinary suite the same few cases every time; under the mark `property` many, others each
#: time. What fails is shown in its smallest form.
FEW = settings(max_examples=30, derandomize=True, deadline=None, suppress_health_check=_SLOW)
MANY = settings(max_examples=320, deadline=None, suppress_health_check=_SLOW)


def outcome(work: Callable[[Path], Any], name: str) -> tuple[str, Any]:
    """``("done", result)``, or ``("refused", message)`` where the message names a file.

    Whatever else is raised goes on: it would be a traceback.

    Args:
        work: gets an empty folder.
        name: what the message must hold.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            return "done", work(Path(folder))
        except UserError as error:
            message = str(error)
            assert name in message, f"the message does not name {name}: {message}"
            # A sentence that says what to do, and at most a list of files behind it.
            assert len(message) < 2000 and message.split("\n")[0].endswith("."), message
            return "refused", message
