"""What computes J and F: which there are, and whether the one that is wanted is installed.

Apart from :mod:`betrayed.scoring`, which loads scipy and pandas: the Snakefile asks, and it is read
in every job.
"""

from importlib.util import find_spec
from typing import Literal

from betrayed.errors import UserError

Scorer = Literal["own", "davis2017-evaluation"]


def check_scorer(scorer: Scorer) -> None:
    """Refuse a scorer that is not installed.

    Raises:
        UserError: davis2017-evaluation is wanted, and its module davis2017 cannot be found.
    """
    if scorer == "davis2017-evaluation" and find_spec("davis2017") is None:
        raise UserError(
            "scoring.scorer: davis2017-evaluation is not installed: there is no module davis2017. "
            "Install it from the DAVIS challenge's repository, or set scorer to own, whose figures "
            "are the same."
        )
