"""What people should know of a run that goes on: videos and files left out, values guessed."""

import sys

#: What such a line begins with in a job's log, by which whoever watches the run finds it.
MARK = "note: "


def note(text: str) -> None:
    """Say something that people should know, in the job's log and on the screen of the run."""
    print(f"{MARK}{text}", file=sys.stderr)
