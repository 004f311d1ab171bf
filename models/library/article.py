"""Playbooks and FAQ entries: Markdown with a head: whose it is, what it applies to, until when it holds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from livewarden.times import DAY_MS
from models.sampling.interval import wilson

Outcome = Literal["solved", "partly", "wrong"]
UNUSED_MS: Final = 90 * DAY_MS
"""An article that nobody linked for so long is looked at again."""
_ROUNDING: Final = 1e-9
FAQ_CASES: Final = 5
FAQ_SHOPS: Final = 3
"""Closed cases, and different shops in them, below which an FAQ entry would speak of somebody."""
_HEAD: Final = re.compile(r"\A---\n(.*?)\n---\n(.*)\Z", re.DOTALL)
_KEYS: Final = ("id", "version", "kind", "owner", "applies_to", "policy", "review")
_ID: Final = re.compile(
    r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"  # of ours
    r"|\b(?=\w*\d)(?=\w*[A-Za-z])\w{10,}\b"  # a long word with digits in it
    r"|\b\d{6,}\b"  # a number of an order, a case, a telephone
    r"|[\w.+-]+@[\w-]+\.\w+"
)


@dataclass(frozen=True, slots=True)
class Article:
    """One version of an article. `applies_to`: monitors, kinds or patterns; `policy`: name@version, "" of none."""

    article_id: str
    version: int
    kind: Literal["playbook", "faq"]
    title: str
    owner: str
    applies_to: tuple[str, ...]
    policy: str
    review: date
    body: str

    @property
    def ref(self) -> str:
        """What a case's link names: id@version."""
        return f"{self.article_id}@{self.version}"


@dataclass(frozen=True, slots=True)
class ArticleLink:
    """A link from a case to a version of an article; `closed`: whether the case is over."""

    case_id: str
    ref: str
    outcome: str
    at_ms: int
    closed: bool


@dataclass(frozen=True, slots=True)
class ArticleUse:
    """How an article does: links, of which `solved` of `judged` with Wilson's interval; why it is stale, if it is."""

    article: Article
    links: int
    judged: int
    solved: int
    interval: tuple[float, float]
    last_ms: int | None
    stale: tuple[str, ...]


def parse_article(text: str, name: str) -> Article:
    """The article that a text says. ValueError with every mistake, a line each.

    >>> head = "id: payouts", "version: 2", "owner: policy", "applies_to: appeals, p", "review: 2027-01-31"
    >>> found = parse_article("\\n".join(("---", *head, "---", "# Payouts held", "Ask.")), "payouts.md")
    >>> found.ref, found.title, found.applies_to
    ('payouts@2', 'Payouts held', ('appeals', 'p'))
    """
    found = _HEAD.match(text)
    if found is None:
        raise ValueError(f"{name}: it has no head: lines between two ---, then the text")
    values, wrong = {}, []
    for number, line in enumerate(found[1].split("\n"), start=2):
        key, colon, value = line.partition(":")
        if not colon or key.strip() not in _KEYS:
            wrong.append(f"line {number}: {line.strip()!r} is not one of {', '.join(_KEYS)}")
        values[key.strip()] = value.strip()
    wrong += [f"{key} is missing" for key in ("id", "version", "owner", "review") if not values.get(key)]
    title = re.search(r"^# (.+)$", found[2], re.MULTILINE)
    if title is None:
        wrong.append("it has no title: a line that begins with #")
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,62}", values.get("id", "x")):
        wrong.append("id: lower-case words joined by hyphens")
    if not re.fullmatch(r"[1-9]\d{0,5}", values.get("version") or "1"):
        wrong.append("version: a whole number from 1")
    kind = values.get("kind", "playbook")
    if kind not in ("playbook", "faq"):
        wrong.append("kind: playbook or faq")
    if values.get("policy") and not re.fullmatch(r"[^@\s]+@[^@\s]+", values["policy"]):
        wrong.append("policy: name@version")
    try:
        review = date.fromisoformat(values.get("review") or "2000-01-01")
    except ValueError:
        wrong.append("review: a day such as 2027-01-31")
    if wrong:
        raise ValueError("\n".join(f"{name}: {each}" for each in wrong))
    assert title is not None
    applies = tuple(each.strip() for each in values.get("applies_to", "").split(",") if each.strip())
    return Article(
        article_id=values["id"],
        version=int(values["version"]),
        kind="faq" if kind == "faq" else "playbook",
        title=title[1].strip(),
        owner=values["owner"],
        applies_to=applies,
        policy=values.get("policy", ""),
        review=review,
        body=found[2],
    )


def use_of(
    article: Article, links: Sequence[ArticleLink], in_force: Mapping[str, str], now_ms: int, today: date
) -> ArticleUse:
    """How a version of an article does. `in_force`: the version of each policy that the ledger last put into force.

    Stale: its policy version was superseded, its review is due, nobody linked it for 90 days, or it solves surely fewer
    of the last ten cases than of those before. A case that links it twice counts once, with what it said last.
    """
    last: dict[str, ArticleLink] = {}
    for each in sorted(links, key=lambda link: (link.at_ms, link.case_id)):
        if each.ref == article.ref:
            last[each.case_id] = each
    mine = sorted(last.values(), key=lambda link: (link.at_ms, link.case_id))
    judged = [each.outcome == "solved" for each in mine if each.outcome]
    stale = []
    policy, _, version = article.policy.partition("@")
    if policy and in_force.get(policy, version) != version:
        stale.append(f"{policy} is at version {in_force[policy]}, it says {version}")
    if article.review < today:
        stale.append(f"its review was due on {article.review}")
    newest = mine[-1].at_ms if mine else None
    if newest is not None and now_ms - newest > UNUSED_MS:
        stale.append(f"nobody has used it for {(now_ms - newest) // DAY_MS} days")
    before, lately = judged[:-10], judged[-10:]
    if len(before) >= 10 and wilson(sum(lately), len(lately))[1] + _ROUNDING < sum(before) / len(before):
        stale.append(f"it solved {sum(lately)} of the last 10, and {sum(before)} of the {len(before)} before")
    interval = wilson(sum(judged), len(judged)) if judged else (0.0, 1.0)
    return ArticleUse(article, len(mine), len(judged), sum(judged), interval, newest, tuple(stale))


def link_rate(links: Sequence[ArticleLink], closed: int) -> float | None:
    """The share of closed cases with any article linked; None where none is closed.

    >>> link_rate([ArticleLink("c1", "a@1", "", 0, True), ArticleLink("c1", "b@1", "", 0, True)], 4)
    0.25
    """
    return len({each.case_id for each in links if each.closed}) / closed if closed else None


def why_not_published(article: Article, cases: int, shops: int, known: Sequence[str] = ()) -> list[str]:
    """Why an FAQ entry may not be published, a sentence each; nothing where it may.

    `cases`: closed ones that it solved; `shops` in them; `known`: ids that must not stand in it.
    """
    problems = []
    if cases < FAQ_CASES:
        problems.append(f"{cases} closed cases support it, {FAQ_CASES} are needed")
    if shops < FAQ_SHOPS:
        problems.append(f"{shops} shops are in them, {FAQ_SHOPS} are needed")
    text = f"{article.title}\n{article.body}"
    found = [each.group() for each in _ID.finditer(text)] + [each for each in known if each and each in text]
    if found:
        problems.append(f"an id stands in it: {found[0]}")
    return problems
