"""Events for the benchmarks: dense LIVE traffic of the real contracts, the same from the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator

from livewarden.contracts import Contract, TrafficQuality, TrafficSample
from livewarden.event import Event
from livewarden.times import instant
from sources.codec import encode, event_of, partition_of

Wire = tuple[int, bytes, bytes, list[tuple[str, bytes]]]
"""Partition, key, value, headers."""

T0 = 1_772_820_000_000
STEP_MS = 5
"""Between two events: 200 in a second of event time."""
ROOMS = 2_000
MARKETS = ("DE", "FR", "ES", "IT", "IE", "GB", "NL", "PL", "AT", "SE")
SOURCES = ("FOR_YOU", "FOLLOWING", "LIVE_TAB", "SEARCH", "SHOP_TAB", "PAID_AD")
CDNS, DEVICES = ("cdn-a", "cdn-b", "cdn-c"), ("PHONE_LOW", "PHONE_MID", "PHONE_HIGH", "TABLET")


def events(count: int, seed: int = 7) -> Iterator[Event]:
    """Three windows of a room's audience to one of playback quality, every field of them set."""
    draw = random.Random(seed)
    rooms = [(f"room-{number:05d}", draw.choice(MARKETS), draw.choice(SOURCES)) for number in range(ROOMS)]
    for number in range(count):
        at_ms = T0 + number * STEP_MS
        room, market, source = draw.choice(rooms)
        body = _quality(draw, room, market, at_ms) if number % 4 == 3 else _sample(draw, room, market, source, at_ms)
        yield event_of(body, id=f"{room}-{number}", source="/live/gateway", time_ms=at_ms)


def wire(count: int, partitions: int) -> Iterator[Wire]:
    """The same as records, each in the partition of its key."""
    for event in events(count):
        key, value, headers = encode(event)
        yield partition_of(key, partitions), key, value, headers


def _sample(draw: random.Random, room: str, market: str, source: str, at_ms: int) -> Contract:
    viewers = draw.randrange(20, 4_000)
    return TrafficSample(
        room_id=room,
        shop_id=f"shop-{room[5:8]}",
        creator_id=f"creator-{room[5:]}",
        market=market,
        window_start=instant(at_ms - at_ms % 1_000),
        window_s=10,
        ccu=viewers,
        viewers_in=viewers // 9,
        viewers_out=viewers // 11,
        views=viewers // 7,
        likes=viewers * 3,
        comments=viewers // 5,
        shares=viewers // 40,
        gifts_value_minor=draw.randrange(0, 9_000),
        product_clicks=viewers // 6,
        atc=viewers // 30,
        orders=draw.randrange(0, 7),
        gmv_minor=draw.randrange(0, 40_000),
        currency="EUR",
        traffic_source=source,
    )


def _quality(draw: random.Random, room: str, market: str, at_ms: int) -> Contract:
    samples = draw.randrange(20, 400)
    return TrafficQuality(
        room_id=room,
        market=market,
        window_start=instant(at_ms - at_ms % 1_000),
        window_s=10,
        cdn=draw.choice(CDNS),
        bitrate_kbps=2_500,
        p2p=draw.random() < 0.3,
        isp=f"isp-{draw.randrange(12)}",
        device_class=draw.choice(DEVICES),
        client_version=f"38.{draw.randrange(4)}.0",
        samples=samples,
        stalled=draw.randrange(0, samples // 9),
        first_frame_ms_p95=draw.randrange(300, 2_500),
        error_count=draw.randrange(0, 4),
    )
