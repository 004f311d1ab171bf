"""The weekly update: its facts gathered, put into words, and computed again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cli.update_like import like_open
from livewarden.errors import SetupError
from livewarden.fact import Fact
from livewarden.times import DAY_MS, format_ms
from sinks.queries import week_facts
from sinks.queries.week_facts import BY_NAME, COUNTED, WEEK_MS
from sinks.report.facts import many
from sinks.report.page import Report, Section, Table

if TYPE_CHECKING:
    from models.update.changes import WeekChange
    from sinks.store.reader import Reader

WEEKS_BEFORE: Final = 12
MOST_CHANGES: Final = 5
MOST_RESTATED: Final = 10
MOST_PARTS: Final = 40
"""Parts of one count; the rest is in the total alone."""
_CHANGED: Final = "changed "


@dataclass(frozen=True)
class Update:
    """An update: its facts in order, and the document."""

    report_id: str
    facts: Sequence[Fact]
    report: Report


async def update(reader: Reader, from_ms: int, *, report_id: str, made_ms: int) -> Update:
    """The update on the week that begins at `from_ms`; SetupError where it is not over."""
    to_ms = from_ms + WEEK_MS
    if to_ms > made_ms:
        raise SetupError(f"the week of {_day(from_ms)} is not over: an update is on one that is")
    found = await _changes(reader, from_ms)
    said_id, restated = await _restated(reader, from_ms - WEEK_MS)
    changed = [_changed(each, from_ms) for each in found if each.notable][:MOST_CHANGES]
    cells = [_cell(each) for each in await week_facts.cells(reader, from_ms, to_ms)]
    counts = await _counts(reader, from_ms, to_ms)
    aged = [
        Fact("open_cases", key, from_ms, to_ms, n).saying(f"{many(n, 'case')} open {_aged(key)}.")
        for key, n in (await week_facts.open_cases(reader, to_ms)).items()
    ]
    table = [_row(each, counts) for each in found]
    sections = [
        Section("What changed", lines=[*map(_line, changed), *map(_line, restated)], nothing=_nothing(found, said_id)),
        Section("Most measures that turn out wrong", lines=[*map(_line, cells)], nothing=_NO_CELLS),
        Section("Open cases", lines=[*map(_line, aged)]),
        *await like_open(reader),
        *(
            Section(title, lines=[_line(each) for each in counts.values() if each.name in names])
            for title, names in _PARTS
        ),
        Section("Every count, and the band that it has in weeks without a change", table=Table(_COLUMNS, table)),
        Section("What is not known", lines=_unknown(found, said_id, cells)),
    ]
    facts = [*changed, *restated, *cells, *aged, *counts.values(), *(_banded(each, from_ms) for each in found)]
    stand = (
        f"The week from {_day(from_ms)} to {_day(to_ms - 1)}, UTC. Made {format_ms(made_ms)[:16]}Z, update {report_id}."
    )
    stand += " Behind each sentence stands its fact: livewarden report verify computes them again."
    report = Report("Weekly update", f"the week of {_day(from_ms)}", stand, sections)
    return Update(report_id, list({each.fact_id: each for each in reversed(facts)}.values())[::-1], report)


async def recomputed(reader: Reader, facts: Iterable[Fact]) -> dict[str, Fact]:
    """The same questions asked again: what each is now, by its id; what nothing is known of is None, counts are 0."""
    found = dict[str, Fact]()
    wanted = {each.fact_id: each for each in facts}
    questions = {(_question(each.name), each.from_ms, each.to_ms) for each in wanted.values()}
    for name, from_ms, to_ms in sorted(questions):
        for each in await _again(reader, name, from_ms, to_ms):
            found[each.fact_id] = each
    return {
        fact_id: found.get(fact_id, Fact(each.name, each.key, each.from_ms, each.to_ms, _none(each.name)))
        for fact_id, each in wanted.items()
    }


def _question(name: str) -> str:
    """What answers a fact: all bands of a week are one question."""
    return _CHANGED if name.startswith(_CHANGED) else name


def _none(name: str) -> float | None:
    return 0 if name in BY_NAME or name == "open_cases" else None


async def _again(reader: Reader, name: str, from_ms: int, to_ms: int) -> list[Fact]:
    if name == "cell":
        return await week_facts.cells(reader, from_ms, to_ms, limit=10_000)
    if name == "open_cases":
        cases = await week_facts.open_cases(reader, to_ms)
        return [Fact(name, key, from_ms, to_ms, n) for key, n in cases.items()]
    if name == _CHANGED:
        return [_banded(each, from_ms) for each in await _changes(reader, from_ms)]
    if name not in BY_NAME:
        return []
    counts = await week_facts.by_week(reader, BY_NAME[name], from_ms, to_ms)
    return [Fact(name, key, from_ms, to_ms, n) for (_, key), n in counts.items()]


async def _changes(reader: Reader, from_ms: int) -> list[WeekChange]:
    from models.update.changes import WeekSeries, changes

    first = await week_facts.first_week(reader)
    start = from_ms - WEEKS_BEFORE * WEEK_MS if first is None else max(first, from_ms - WEEKS_BEFORE * WEEK_MS)
    series = []
    for what in COUNTED:
        counts = await week_facts.by_week(reader, what, start, from_ms + WEEK_MS)
        sizes = dict[str, int]()
        for (_, key), n in counts.items():
            sizes[key] = sizes.get(key, 0) + n
        for key in sorted(sizes, key=lambda each: (-sizes[each], each))[: MOST_PARTS + 1]:
            before = tuple(counts.get((week, key), 0) for week in range(start, from_ms, WEEK_MS))
            series.append(WeekSeries(what.name, key, before, counts.get((from_ms, key), 0)))
    return changes(series)


async def _restated(reader: Reader, from_ms: int) -> tuple[str, list[Fact]]:
    """The last update, and those of its counts that are others by now."""
    said_id, facts = await week_facts.last_said(reader, from_ms)
    said = [each for each in facts if each.name in BY_NAME]
    now = await recomputed(reader, said)
    moved = [(each, now[each.fact_id]) for each in said if each.value != now[each.fact_id].value]
    moved.sort(key=lambda pair: (-abs((pair[1].value or 0) - (pair[0].value or 0)), pair[0].name, pair[0].key))
    return said_id, [_restatement(before, after) for before, after in moved[:MOST_RESTATED]]


def _restatement(before: Fact, after: Fact) -> Fact:
    what, was, n = BY_NAME[before.name], int(before.value or 0), int(after.value or 0)
    why = what.later if n > was else "a correction, or rows that are not kept any more"
    return after.saying(
        f"We said that in the week of {_day(before.from_ms)} {was:,} {_of(what.words, what.part, before.key)};"
        f" it is {n:,} now: {why}."
    )


async def _counts(reader: Reader, from_ms: int, to_ms: int) -> dict[tuple[str, str], Fact]:
    found = {}
    for what in COUNTED:
        counts = await week_facts.by_week(reader, what, from_ms, to_ms)
        totals = {"": 0} | {key: n for (_, key), n in sorted(counts.items())}
        for key, n in sorted(totals.items(), key=lambda pair: (pair[0] != "", -pair[1], pair[0]))[: MOST_PARTS + 1]:
            words = f"{n:,} {_of(what.words, what.part, key)}."
            found[what.name, key] = Fact(what.name, key, from_ms, to_ms, n).saying(words)
    return found


def _banded(change: WeekChange, from_ms: int) -> Fact:
    it, band = change.series, change.band
    return Fact(f"{_CHANGED}{it.name}", it.key, from_ms, from_ms + WEEK_MS, it.now, band.low, band.high)


def _changed(change: WeekChange, from_ms: int) -> Fact:
    it, band, what = change.series, change.band, BY_NAME[change.series.name]
    more = "more" if band.away > 0 else "fewer"
    return _banded(change, from_ms).saying(
        f"{it.now:,} {_of(what.words, what.part, it.key)}, {more} than the {band.low:,} to {band.high:,} of weeks"
        f" without a change (from the {many(len(it.before), 'week')} before)."
    )


def _cell(fact: Fact) -> Fact:
    low, high = fact.low or 0, fact.high or 0
    return fact.saying(
        f"{fact.key}: {fact.value:,.0f} measures turn out wrong ({low:,.0f} to {high:,.0f}, 90 % interval)."
    )


def _row(change: WeekChange, counts: dict[tuple[str, str], Fact]) -> list[str]:
    it, band = change.series, change.band
    fact = _banded(change, counts[it.name, ""].from_ms)
    names = [BY_NAME[it.name].words, it.key or "all", f"{it.now:,}", f"{it.before[-1]:,}"]
    return [*names, f"{band.low:,} to {band.high:,}", "outside" if change.notable else "", f"[{fact.fact_id}]"]


def _line(fact: Fact) -> str:
    return f"{fact.sentence} [{fact.fact_id}]"


def _of(words: str, part: str, key: str) -> str:
    return f"{words} ({part} {key})" if key else words


def _aged(key: str) -> str:
    return "past their due date" if key == "overdue" else f"for {key}"


def _day(ms: int) -> str:
    return format_ms(ms - ms % DAY_MS)[:10]


def _nothing(found: Sequence[WeekChange], said_id: str) -> str:
    compared = "as the last update said" if said_id else "with no update to compare with"
    return f"Nothing: {many(len(found), 'count')} within the band of weeks without a change, {compared}."


def _unknown(found: Sequence[WeekChange], said_id: str, cells: Sequence[Fact]) -> list[str]:
    lines = [] if found else ["What is usual: of fewer than four weeks before, or of hardly any, there is no band."]
    lines += [] if said_id else ["What the last update said: none was kept on the week before."]
    lines += [] if cells else [_NO_CELLS]
    return [*lines, "What nobody stored: what was agreed on the phone, and alerts that nobody judged."]


_NO_CELLS: Final = "Unknown: no reading of the week is stored (livewarden overturns --save)."
_COLUMNS: Final = ("what", "part", "week", "week before", "band", "", "fact")
_PARTS: Final = (
    ("Cases that ended, by outcome", ("ended",)),
    ("What merchants write about", ("feedback", "tickets")),
    ("Noise, and the load of those on call", ("notified", "kept_back", "alerts", "incidents")),
    ("Measures and appeals", ("measures", "appeals", "reversals")),
)
