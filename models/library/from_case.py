"""An entry made of a closed case's facts: nothing in it that no fact says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import get_args

from livewarden.case_state import Resolution
from livewarden.contracts.enforcement import SubjectType
from livewarden.library import CaseFacts
from livewarden.library_entry import Harm, LibraryEntry
from livewarden.times import instant
from livewarden.wording import span_in_words

UNDECIDED = "INSUFFICIENT_EVIDENCE"
_CUT = 3_900
_WORD = 200
"""Characters that a summary and a word of an entry may have."""


def entry_of(facts: CaseFacts) -> LibraryEntry:
    """The library entry of a closed case.

    ValueError where it is not closed or dismissed: what is not over is no precedent.

    >>> facts = CaseFacts("c1", "Warnings doubled", "ENFORCEMENT_SPIKE", "closed", "FIXED", "rolled back", 0, 7_200_000)
    >>> entry_of(facts).summary
    'Warnings doubled. Ended after 2 h: fixed. "rolled back"'
    """
    if facts.state not in ("closed", "dismissed"):
        raise ValueError(f"the case is {facts.state}: only one that is closed or dismissed goes into the library")
    return draft_of(facts)


def draft_of(facts: CaseFacts) -> LibraryEntry:
    """The same of a case that is still worked on, or of an alert alone: to be compared with closed ones."""
    values = dict(facts.measured or {})
    for name in ("policy_id", "policy_version", "action_type", "queue_id", "model_id", "model_version", "subject_type"):
        said = {each[name] for each in facts.series if each.get(name)}
        if len(said) == 1:  # what the alerts name is nearer to the case than what its measures mostly are
            values[name] = said.pop()
    subject = values.get("subject_type", "")
    resolution = facts.resolution if facts.resolution in get_args(Resolution) else None
    return LibraryEntry.model_validate(
        {
            "entry_id": facts.case_id,
            "title": facts.title[:300] or "case",
            "summary": summary(facts),
            "kind": facts.kind[:_WORD],
            "markets": tuple(sorted({each["market"] for each in facts.series if _market(each.get("market", ""))})),
            "subject_type": subject if subject in get_args(SubjectType) else None,
            "policy_clause": values.get("policy_id", "")[:_WORD],
            "policy_version": values.get("policy_version", "")[:_WORD],
            "action_type": values.get("action_type", "")[:_WORD],
            "queue": values.get("queue_id", "")[:_WORD],
            "model_version": " ".join(filter(None, (values.get("model_id", ""), values.get("model_version", ""))))[
                :_WORD
            ],
            "changes": tuple(dict.fromkeys(filter(_is_id, facts.changes))),
            "cause": _most(each for each in facts.verdicts if each != UNDECIDED)[:_WORD],
            "resolution": resolution,
            "measures": facts.measures,
            "wrong_measures": facts.wrong_measures,
            "shops": facts.shops,
            "harm": Harm(gmv_minor=facts.gmv_minor, viewer_minutes=facts.viewer_minutes),
            "evidence": (*facts.packages, *(f"{kind} {ref}"[:200] for kind, ref, _ in facts.links)),
            "playbooks": tuple(f"{ref} {out}".strip()[:200] for kind, ref, out in facts.links if kind == "playbook"),
            "rationale": facts.reason[:_CUT],
            "started_at": instant(facts.started_ms),
            "closed_at": None if facts.closed_ms is None else instant(facts.closed_ms),
        }
    )


def summary(facts: CaseFacts) -> str:
    """A few sentences, each of a fact; what is not known has none."""
    said = [f"{facts.title[:300]}."]
    cause = _most(each for each in facts.verdicts if each != UNDECIDED)
    if cause:
        said.append(f"The evidence spoke for {cause.replace('_', ' ').lower()}.")
    if facts.changes:
        named = list(dict.fromkeys(facts.changes))[:3]
        said.append(f"Beside its onset: {', '.join(named)}.")
    if facts.measures:
        shops = f" of {facts.shops:,} shops" if facts.shops else ""
        wrong = "" if facts.wrong_measures is None else f", {facts.wrong_measures:,} taken back"
        said.append(f"{facts.measures:,} measures{shops}{wrong}.")
    after = "" if facts.closed_ms is None else f" after {span_in_words(facts.closed_ms - facts.started_ms)}"
    reason = f' "{facts.reason[:1_000]}"' if facts.reason else ""
    said.append(f"Ended{after}: {(facts.resolution or 'not known').replace('_', ' ').lower()}.{reason}")
    return " ".join(said)[:_CUT]


def _is_id(text: str) -> bool:
    return 0 < len(text) <= 256 and not any(map(str.isspace, text))


def _market(text: str) -> bool:
    return len(text) == 2 and text.isascii() and text.isalpha() and text.isupper()


def _most(words: Iterable[str]) -> str:
    counts = Counter(words)
    return min(counts, key=lambda each: (-counts[each], each)) if counts else ""
