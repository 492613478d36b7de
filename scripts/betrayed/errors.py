"""The errors that people are meant to read."""


class UserError(Exception):
    """Something a person can mend: the message says what is wrong, where, and what to do.

    Programs under ``scripts/`` print the message without a traceback and exit with status 1.
    """


class ShortageError(UserError):
    """Memory, or room on a disk, has run out: no video is to blame, and the next would fare alike.

    A job ends with it rather than leave out the video at hand, so that a scheduler starts it again
    with more.
    """
