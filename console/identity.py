"""Who is at the other end of a request, and as what: the person, and the role that says what they may do."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.requests import Request

from livewarden.action import ROLES, Role

LOCAL = "local"
"""Who works at this machine, where nothing is asked for."""
SHARED = "console"
"""Who holds the shared token and gave no name."""
RESERVED = ("livewarden",)
"""Names that nobody has: history says by them what happened of itself."""
LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Visitor:
    """A person and their role. Viewers look, operators act, admins may also set the closure gate aside.

    >>> Visitor("maria", "viewer").acts, Visitor("maria", "admin").acts
    (False, True)
    """

    name: str
    role: Role

    @property
    def acts(self) -> bool:
        """Whether they may do more than look."""
        return ROLES.index(self.role) >= ROLES.index("operator")


@dataclass(frozen=True, slots=True)
class Holder:
    """Whoever gives `token` has `role`."""

    token: str = field(repr=False)
    role: Role = "viewer"


def holder_of(token: str, people: Mapping[str, Holder]) -> str | None:
    """The name of the person whose token this is. Every token is compared, in constant time, whichever it is."""
    given, found = token.encode("utf-8", errors="surrogateescape"), None
    for name, holder in people.items():
        if holder.token and hmac.compare_digest(holder.token.encode(), given):
            found = name
    return found


def name_of(text: str) -> str | None:
    """A name as it may stand in a history: printable, at most 100 characters, not reserved; else None.

    >>> name_of(" Maria Müller "), name_of(""), name_of("livewarden"), name_of("a" * 101)
    ('Maria Müller', None, None, None)
    """
    name = text.strip()
    return name if 0 < len(name) <= LONGEST_NAME and name.isprintable() and name not in RESERVED else None


def highest(words: str) -> Role | None:
    """The highest role that is named in a text of words with commas; None where there is none.

    >>> highest("staff, Operator"), highest("root")
    ('operator', None)
    """
    given = {word.strip().lower() for word in words.split(",")}
    return next((role for role in reversed(ROLES) if role in given), None)


NOBODY = Visitor("nobody", "viewer")
"""Who asks whether the console is alive."""


def visitor(request: Request) -> Visitor:
    """Who sent a request, as the gate found."""
    found: Visitor = getattr(request.state, "visitor", NOBODY)
    return found
