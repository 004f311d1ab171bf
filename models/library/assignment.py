"""Which pattern an entry belongs to: found once, when it comes in, from those that came before; then it stays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from livewarden.ids import stable_id
from livewarden.library_entry import LibraryEntry
from models.library.likeness import LikenessIndex
from models.library.pattern_key import pattern_key

JOIN: Final = 0.56
"""How alike the entries of a pattern must be on average, for another one to join them."""


@dataclass(frozen=True, slots=True)
class Assigned:
    """The pattern of an entry; `new`: it is the first of it. `why`: in words."""

    pattern_id: str
    new: bool
    why: str


def pattern_of_key(key: str) -> str:
    """The id of the pattern that a key founds.

    >>> pattern_of_key("t1|p7|warning|||")[:8]
    'da17dbe5'
    """
    return stable_id("pattern", key)


class Assignment:
    """Patterns of entries, in the order in which they come. What came later changes nothing of what was found.

    An entry joins the pattern whose entries are most alike to it on average (leader clustering with average linkage);
    where none is alike enough it founds the pattern of its key, or of its key and itself where that one is taken. So a
    facet that is wrong or missing does not make a pattern of its own. A rejected case has none. Bad at: two patterns
    that differ in one facet only, which become one; people split them.
    """

    def __init__(self) -> None:
        self.index = LikenessIndex()
        self.pattern_of: dict[str, str] = {}

    def known(self, entry: LibraryEntry) -> None:
        """Take an entry in whose pattern was found before."""
        if entry.pattern_id:
            self.pattern_of[entry.entry_id] = entry.pattern_id
        self.index.add(entry, entry.pattern_id or f"rejected {pattern_key(entry)}")

    def find(self, entry: LibraryEntry) -> Assigned | None:
        """The pattern of an entry; None of a rejected case. The same entry again has the pattern that it had."""
        if entry.entry_id in self.pattern_of:
            return Assigned(self.pattern_of[entry.entry_id], False, "it had it before")
        return None if entry.rejected else self._joined(entry) or self._founded(entry)

    def assign(self, entry: LibraryEntry) -> Assigned | None:
        """The same, and the entry is taken in."""
        found = self.find(entry)
        if entry.entry_id not in self.pattern_of:
            self.known(entry.model_copy(update={"pattern_id": found.pattern_id if found else ""}))
        return found

    def _joined(self, entry: LibraryEntry) -> Assigned | None:
        index = self.index
        means = index.of_groups(index.scores(entry))
        order = [int(each) for each in np.argsort(-means, kind="stable") if means[each] >= JOIN]
        best = next((each for each in order if not index.groups[each].startswith("rejected ")), None)
        if best is None:
            return None
        return Assigned(index.groups[best], False, f"{means[best]:.0%} alike to its cases")

    def _founded(self, entry: LibraryEntry) -> Assigned:
        key = str(pattern_key(entry))
        pattern_id = pattern_of_key(key)
        if pattern_id in self.index.groups:
            pattern_id = stable_id("pattern", key, entry.entry_id)
        return Assigned(pattern_id, True, "nothing like it is known")
