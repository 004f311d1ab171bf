"""What happens in LIVE rooms and how well it plays, measured over windows of seconds."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from livewarden.contracts.base import Contract, Count, Currency, Flag, Id, Instant, Label, Market, Topic, WindowSeconds

TrafficSource = Literal[
    "FOR_YOU", "FOLLOWING", "LIVE_TAB", "SEARCH", "SHOP_TAB", "PAID_AD", "PUSH", "EXTERNAL", "OTHER"
]


class TrafficSample(Contract):
    """One window of one room's audience and sales. Event time is `window_start`.

    Counts are of the window, except `ccu`, which is a level: adding the `ccu` of consecutive windows means nothing.
    """

    type_name: ClassVar[str] = "traffic.sample"
    topic: ClassVar[Topic] = "live.traffic"
    key_fields: ClassVar[tuple[str, ...]] = ("room_id", "shop_id", "market")

    room_id: Id = Field(description="The LIVE room.")
    shop_id: Id | None = Field(default=None, description="The shop that sells in the room; opaque.")
    creator_id: Id | None = Field(default=None, description="The host; opaque.")
    market: Market = Field(description="Market of the room, ISO 3166-1 alpha-2.")
    window_start: Instant = Field(description="Start of the window, inclusive.")
    window_s: WindowSeconds = Field(description="Length of the window, seconds.")
    ccu: Count | None = Field(default=None, description="Concurrent viewers at the end of the window.")
    viewers_in: Count | None = Field(default=None, description="Viewers who entered in the window.")
    viewers_out: Count | None = Field(default=None, description="Viewers who left in the window.")
    views: Count | None = Field(default=None, description="Views begun in the window.")
    likes: Count | None = Field(default=None, description="Likes in the window.")
    comments: Count | None = Field(default=None, description="Comments in the window.")
    shares: Count | None = Field(default=None, description="Shares in the window.")
    gifts_value_minor: Count | None = Field(default=None, description="Value of gifts, minor units of `currency`.")
    product_clicks: Count | None = Field(default=None, description="Clicks on products in the window.")
    atc: Count | None = Field(default=None, description="Products added to a cart in the window.")
    orders: Count | None = Field(default=None, description="Orders placed in the window.")
    gmv_minor: Count | None = Field(default=None, description="Value of orders, minor units of `currency`.")
    currency: Currency | None = Field(default=None, description="Currency of the values, ISO 4217.")
    traffic_source: TrafficSource | None = Field(default=None, description="Where the viewers came from.")


class TrafficQuality(Contract):
    """One window of playback quality for one combination of dimensions. Event time is `window_start`.

    `stalled` of `samples` is a rate with its exposure; `first_frame_ms_p95` is a level and does not add up.
    """

    type_name: ClassVar[str] = "traffic.quality"
    topic: ClassVar[Topic] = "live.traffic"
    key_fields: ClassVar[tuple[str, ...]] = ("room_id", "market")

    room_id: Id | None = Field(default=None, description="The LIVE room, where measured per room.")
    market: Market = Field(description="Market of the viewers, ISO 3166-1 alpha-2.")
    window_start: Instant = Field(description="Start of the window, inclusive.")
    window_s: WindowSeconds = Field(description="Length of the window, seconds.")
    cdn: Label | None = Field(default=None, description="Content delivery network.")
    bitrate_kbps: Count | None = Field(default=None, description="Nominal bitrate of the rendition, kbit/s.")
    p2p: Flag | None = Field(default=None, description="Whether viewers relayed the stream to each other.")
    isp: Label | None = Field(default=None, description="Internet provider of the viewers.")
    device_class: Label | None = Field(default=None, description="Device class of the viewers.")
    client_version: Label | None = Field(default=None, description="App version of the viewers.")
    samples: Count | None = Field(default=None, description="Viewers measured in the window.")
    stalled: Count | None = Field(default=None, description="Measured viewers whose playback stalled.")
    first_frame_ms_p95: Count | None = Field(
        default=None, description="95th percentile of the time to first frame, milliseconds."
    )
    error_count: Count | None = Field(default=None, description="Playback errors in the window.")
