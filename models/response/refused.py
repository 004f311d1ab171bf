"""Why a wish is not granted."""

from __future__ import annotations


class Refused(Exception):
    """What somebody wants may not be done; the message is one sentence for that person, and the answer to the wish.

    It never leaves the responder, so it stands outside the tree of errors.
    """
