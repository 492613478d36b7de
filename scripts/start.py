"""Start a program of the workflow, in a process that has loaded its libraries where there is one.

    python scripts/start.py [--usage TSV] [--pool NAME] scripts/PROGRAM.py [the program's options]

--usage: where the program writes its seconds and memory. --pool: programs of a pool are forked from
one process, so they should need the same libraries. See betrayed/warm_client.py.
"""

import sys

from betrayed.engine.warm_client import SERVE, start


def main() -> None:
    """Start the program, or be the process that programs are forked from."""
    if sys.argv[1:2] == [SERVE]:
        from betrayed.engine.warm_server import serve

        listener, name, served = sys.argv[2:]
        serve(int(listener), name, served)
    else:
        start(sys.argv[1:])


if __name__ == "__main__":
    main()
