"""`livewarden recommend`: what is recommended for a pattern, whose it is, and what it changed."""

from __future__ import annotations

import uuid
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cli.act import ActionForm, As, Url, Why, look, perform, whole
from cli.advice_bank import load_bank
from cli.common import AsJson, print_json
from cli.library_actions import Pattern
from cli.show import print_rows, shortener
from livewarden.action import Action, MoveRecommendation, Recommend
from livewarden.errors import SetupError
from livewarden.times import DAY_MS

if TYPE_CHECKING:
    from sinks.queries.recommendations import RecommendationRecord
    from sinks.store.reader import Reader

app = typer.Typer(help="Recommendations for patterns, from a bank: owner team, precondition, status, measured effect.")
Made = Annotated[str, typer.Argument(metavar="ID", help="A recommendation, or as much of its id as is unique.")]
BankFile = Annotated[Path | None, typer.Option("--bank", help="Bank (TOML); the one that ships where left out.")]
MOST_DAYS = 28
LEAST_DAYS = 7


@app.command("for")
def for_(pattern: Pattern, bank: BankFile = None, url: Url = None, as_json: AsJson = False) -> None:
    """What the bank has for a pattern: whose each is, and what is to be checked first.

    Example: livewarden recommend for 9f1c22d0
    """
    from cli.shelf import StoredLibrary
    from models.library.recommendation import applies

    advices = load_bank(bank)

    async def question(reader: Reader) -> list[Any]:
        return (await StoredLibrary(reader).shelf()).members(await whole(reader, "pattern", pattern))

    entries = look(url, question)
    found = [each for each in advices if applies(each, entries)]
    if as_json:
        print_json(found)
        return
    rows = [(each.id, each.team, each.text, each.precondition) for each in found]
    print_rows("the bank has nothing for it", ("advice", "team", "what", "check first"), rows)


@app.command()
def make(
    pattern: Pattern,
    advice: Annotated[str, typer.Argument(metavar="ADVICE", help="Which one of the bank.")],
    bank: BankFile = None,
    why: Why = "",
    who: As = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """Recommend something for a pattern, from the bank.

    Example: livewarden recommend make 9f1c22d0 hold-model-release --why "three releases in a row"
    """
    found = next((each for each in load_bank(bank) if each.id == advice), None)
    if found is None:
        raise SetupError(f"the bank has no {advice!r} (see livewarden recommend for {pattern})")

    async def request(form: ActionForm) -> Action:
        stamp, pattern_id = form.stamp(why), await form.one("pattern", pattern)
        made = {"recommendation_id": str(uuid.uuid4()), "advice": found.id, "team": found.team, "text": found.text}
        return Recommend(**stamp, pattern_id=pattern_id, **made)

    return perform(request, url, who, as_json)


@app.command()
def move(
    recommendation: Made,
    to: Annotated[Literal["accepted", "rejected", "done"], typer.Argument(help="What became of it.")],
    why: Why = "",
    who: As = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """Accept or reject a recommendation, or say that it is done.

    Example: livewarden recommend move 4b0e77aa done --why "in release 7.3"
    """

    async def request(form: ActionForm) -> Action:
        one = await form.one("recommendation", recommendation)
        return MoveRecommendation(**form.stamp(why), recommendation_id=one, to=to)

    return perform(request, url, who, as_json)


@app.command()
def measure(recommendation: Made, who: As = None, url: Url = None, as_json: AsJson = False) -> int:
    """Measure what one that is done changed: the rate of wrong measures of its policy and markets, after against
    before, against all else over the same days.

    Example: livewarden recommend measure 4b0e77aa
    """

    async def request(form: ActionForm) -> Action:
        one = await form.one("recommendation", recommendation)
        return MoveRecommendation(
            **form.stamp(), recommendation_id=one, to="measured", **await _effect(form.reader, one, form.at_ms)
        )

    return perform(request, url, who, as_json)


@app.command("list")
def list_(url: Url = None, as_json: AsJson = False) -> None:
    """Recommendations: what waits for somebody first.

    Example: livewarden recommend list
    """
    from sinks.queries import recommendations

    found = look(url, recommendations.find)
    if as_json:
        print_json(found)
        return
    cut = shortener(each.recommendation_id for each in found)
    rows = [(cut(e.recommendation_id), e.status, e.team, e.by, effect_in_words(e), e.text) for e in found]
    print_rows("nothing is recommended", ("id", "status", "team", "by", "effect", "what"), rows)


def effect_in_words(record: RecommendationRecord) -> str:
    """The measured effect; "" where it was not measured."""
    if record.factor is None or record.low is None or record.high is None:
        return ""
    return f"×{record.factor:.2f} ({record.low:.2f}–{record.high:.2f})"


async def _effect(reader: Reader, recommendation_id: str, now_ms: int) -> dict[str, Any]:
    from cli.shelf import StoredLibrary
    from models.library.recommendation import measured_effect
    from sinks.queries import recommendations

    record = await recommendations.get(reader, recommendation_id)
    if record is None or record.done_at is None:
        raise SetupError("it is not done yet: there is nothing to measure")
    entries = (await StoredLibrary(reader).shelf()).members(record.pattern_id)
    policies = Counter(each.policy_clause for each in entries if each.policy_clause)
    if not policies:
        raise SetupError("its pattern names no policy: there is nothing to measure it on")
    policy = min(policies, key=lambda each: (-policies[each], each))
    markets = sorted({market for each in entries for market in each.markets})
    days = min(MOST_DAYS, (now_ms - record.done_at) // DAY_MS // 2)
    if days < LEAST_DAYS:
        raise SetupError(f"too young: measured from {2 * LEAST_DAYS} days after it was done on")
    sides = await recommendations.rates(reader, policy, markets, record.done_at, days)
    before, after, control_before, control_after = ((each.wrong, each.measures) for each in sides)
    found = measured_effect(before, after, control_before, control_after)
    if found is None:
        raise SetupError("there are no measures before, after, or to compare with")
    counts = f"{before[0]} of {before[1]} before, {after[0]} of {after[1]} after"
    others = f"all else {control_before[0]} of {control_before[1]}, {control_after[0]} of {control_after[1]}"
    where = f"{policy} in {', '.join(markets) or 'all markets'}"
    said = f"{where}, {days} days each: {counts}; {others}"
    rounded = {"factor": round(found.factor, 4), "low": round(found.low, 4), "high": round(found.high, 4)}
    return rounded | {"measured_on": said[:500]}
