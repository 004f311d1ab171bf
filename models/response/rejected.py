"""Why a request is not granted."""

from __future__ import annotations


class Rejected(Exception):
    """What somebody wants may not be done; the message is one sentence for that person, and the answer to the request.

    It never leaves the responder, so it stands outside the tree of errors.
    """
