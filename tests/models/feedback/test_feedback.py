"""Themes and bursts of merchants' tickets, and texts with nothing in them that names anybody."""

from __future__ import annotations

import random
from collections import Counter
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewarden.times import DAY_MS, HOUR_MS
from models.feedback.burst import Voice, bursts
from models.feedback.fingerprint import alike, fingerprint
from models.feedback.scrub import Scrubber
from models.feedback.sorter import Sorter, propose
from models.feedback.taxonomy import SEEDED, Theme
from tests.feedback_fixtures import START, Ticket, background, one_angry_shop, planted

THEMES: Final = [each.theme_id for each in SEEDED]
ONSET: Final = START + 30 * DAY_MS + 5 * HOUR_MS


@pytest.fixture(scope="module")
def tickets() -> list[Ticket]:
    return background()


@pytest.fixture(scope="module")
def sorter() -> Sorter:
    return Sorter(SEEDED)


def voices(sorter: Sorter, tickets: list[Ticket]) -> list[Voice]:
    themes = sorter.sort([each.text for each in tickets])
    return [Voice(t.at_ms, t.shop, found.theme_id, t.market) for t, found in zip(tickets, themes, strict=True)]


def test_texts_in_other_words_find_their_theme(sorter: Sorter, tickets: list[Ticket]) -> None:
    known = {each.text: each.theme for each in tickets if each.theme}
    found = sorter.sort(list(known))
    right = sum(each.theme_id == theme for each, theme in zip(found, known.values(), strict=True))
    assert right / len(known) >= 0.85


def test_a_planted_theme_is_found_within_eight_hours_and_one_angry_shop_raises_nothing(
    sorter: Sorter, tickets: list[Ticket]
) -> None:
    usual = voices(sorter, tickets)
    loud = voices(sorter, planted(ONSET))
    found = [(hour, burst) for hour in range(1, 9) for burst in bursts(usual + loud, ONSET + hour * HOUR_MS)]
    assert found
    assert {burst.theme for _, burst in found} == {"live-cut"}
    angry = voices(sorter, one_angry_shop(ONSET))
    assert [b for hour in range(1, 9) for b in bursts(usual + angry, ONSET + hour * HOUR_MS)] == []


def test_quiet_weeks_raise_nothing(sorter: Sorter, tickets: list[Ticket]) -> None:
    usual = voices(sorter, tickets)
    assert [b for hour in range(0, 14 * 24, 6) for b in bursts(usual, START + 20 * DAY_MS + hour * HOUR_MS)] == []


def test_what_is_expected_grows_with_what_is_enforced() -> None:
    usual = [Voice(START + n * HOUR_MS, f"s{n}", "live-cut", "DE") for n in range(20 * 24)]
    at = START + 20 * 24 * HOUR_MS
    many = [Voice(at - n * 60_000, f"m{n}", "live-cut", "DE") for n in range(40)]
    measures = {("DE", at - n * 6 * HOUR_MS): 100 if n else 1_000 for n in range(90)}
    assert bursts(usual + many, at)
    assert bursts(usual + many, at, measures) == []


def test_themes_keep_their_ids_over_twelve_weekly_runs() -> None:
    """What was proposed is kept; a ticket that has a theme keeps it."""
    themes: list[Theme] = list(SEEDED)
    given_to: dict[str, str] = {}
    tickets = background(2_400, seed=7, days=84)
    for week in range(12):
        span = (START + week * 7 * DAY_MS, START + (week + 1) * 7 * DAY_MS)
        fresh = [each for each in tickets if span[0] <= each.at_ms < span[1]]
        left = [each for each in tickets if given_to.get(each.ticket_id) == ""] + fresh
        before = {name: theme for name, theme in given_to.items() if theme}
        for _ in range(2):
            sorted_now = Sorter(themes).sort([each.text for each in left])
            given_to |= {each.ticket_id: found.theme_id for each, found in zip(left, sorted_now, strict=True)}
            left = [each for each in left if not given_to[each.ticket_id]]
            themes += propose([each.text for each in left], [each.shop for each in left])
        assert {name: given_to[name] for name in before} == before
    old = [each for each in tickets if before.get(each.ticket_id)]
    again = Sorter(themes).sort([each.text for each in old])
    same = sum(now.theme_id == before[each.ticket_id] for now, each in zip(again, old, strict=True))
    assert same / len(old) >= 0.9, "what was sorted once would be sorted so again"
    proposed = [each.theme_id for each in themes if not each.named]
    assert proposed
    assert len(set(proposed)) == len(proposed)
    labels = Counter((given_to[each.ticket_id] or "none", each.theme) for each in tickets)
    ours = sum(count for (theme, _), count in labels.items() if theme in proposed)
    assert ours >= 0.8 * sum(each.theme == "" for each in tickets), "what no theme had is sorted into the proposed ones"


KINDS: Final = (
    lambda draw: (
        f"{draw.choice('abc')}{draw.randrange(10**4)}.x@{draw.choice(['shop', 'mail'])}{draw.randrange(99)}.example"
    ),
    lambda draw: f"+{draw.choice([49, 33, 353])} {draw.randrange(100, 999)} {draw.randrange(10**6, 10**7)}",
    lambda draw: f"0{draw.randrange(100, 999)}/{draw.randrange(10**5, 10**7)}",
    lambda draw: f"DE{draw.randrange(10, 99)} {' '.join(str(draw.randrange(1000, 9999)) for _ in range(4))} 42",
    lambda draw: f"FR{draw.randrange(10, 99)}{draw.randrange(10**22, 10**23)}",
    lambda draw: f"#{draw.choice('AB')}-{draw.randrange(10**4, 10**9)}",
    lambda draw: f"ORD{draw.randrange(10**5, 10**8)}",
    lambda draw: str(draw.randrange(10**9, 10**12)),
    lambda draw: draw.choice(["Blumen Maier", "Chez Léa", "Tech-Corner 24"]),
)


def test_none_of_a_hundred_planted_identifiers_is_left() -> None:
    draw, scrub = random.Random(4), Scrubber(["Blumen Maier", "Chez Léa", "Tech-Corner 24"])
    for number in range(100):
        secret = KINDS[number % len(KINDS)](draw)
        text = scrub(f"Hallo, bitte prüfen: {secret}, danke. Merci, {secret.upper()}!")
        for form in (secret, secret.upper()):
            assert form not in text
        digits = "".join(filter(str.isdigit, secret))
        assert len(digits) < 4 or digits not in "".join(filter(str.isdigit, text)), text
    assert scrub("my LIVE was cut at 18:05, 3 times in 2026") == "my LIVE was cut at 18:05, 3 times in 2026"
    assert scrub("ｔｅｌ ０１７０ １２３４５６７ or joe (at) mail.example") == "tel [number] or [e-mail]"


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=200))
def test_scrubbing_twice_is_scrubbing_once(text: str) -> None:
    scrub = Scrubber(["Maier"])
    once = scrub(text)
    assert scrub(once) == once
    assert "\n" not in once


def test_fingerprints_see_what_is_alike() -> None:
    one = fingerprint("my LIVE was cut off again and nobody tells me why", "en")
    assert alike(one, fingerprint("my LIVE was cut off again, and nobody tells me why!")) > 0.6
    assert alike(one, fingerprint("die Auszahlung fehlt seit drei Wochen")) < 0.1
    assert (one.language, one.length_class, len(one.minhash)) == ("en", "SHORT", 64)
    assert fingerprint("").minhash == ()
