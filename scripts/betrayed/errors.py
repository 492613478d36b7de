"""The one error that people are meant to read."""


class UserError(Exception):
    """Something a person can mend: the message says what is wrong, where, and what to do.

    Programs under ``scripts/`` print the message without a traceback and exit with status 1.
    """
