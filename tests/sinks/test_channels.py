"""Channels: one suite over all of them, and what is special about each."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewarden.errors import RetryLater, SetupError
from models.response.policy import ChannelConfig
from sinks.channels import AppriseChannel, Channel, FileChannel, MemoryChannel, Outgoing, open_channels
from sinks.channels.plain import plain
from sinks.channels.redact import LONGEST, redact
from tests.http_receiver import Mood, Receiver, receiver

pytestmark = pytest.mark.loopback

NEWS = Outgoing(
    notification_id="n-1",
    incident_id="i-1",
    cause="new",
    severity="critical",
    title="Orders fell in DE",
    body="20 in 5 min, expected 400\nsince 20:10 UTC",
    link="http://127.0.0.1:8080/incidents/i-1",
)
HOSTILE = (
    "<b>x</b> <script>1</script> *a* _b_ `c` [l](http://e) {{7*7}} ${HOME} %s 'q' \"d\" \\n ; "
    "DROP TABLE x -- :fire: üñ 😀"
)


class Bench(Protocol):
    """A channel, and the world around it."""

    channel: Channel

    def received(self) -> list[Mapping[str, str]]: ...
    def break_down(self) -> None: ...
    def mend(self) -> None: ...


class MemoryBench:
    def __init__(self) -> None:
        self.channel = MemoryChannel("m")

    def received(self) -> list[Mapping[str, str]]:
        return [asdict(each) for each in self.channel.sent]

    def break_down(self) -> None:
        self.channel.refuse("notified to fail")

    def mend(self) -> None:
        self.channel.refuse("", times=0)


class FileBench:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "notifications.jsonl"
        self.channel = FileChannel("f", self.path)

    def received(self) -> list[Mapping[str, str]]:
        return [json.loads(line) for line in self.path.read_text().splitlines()] if self.path.is_file() else []

    def break_down(self) -> None:
        if self.path.is_file():
            self.path.rename(self.path.with_suffix(".kept"))
        self.path.mkdir()

    def mend(self) -> None:
        self.path.rmdir()
        if self.path.with_suffix(".kept").is_file():
            self.path.with_suffix(".kept").rename(self.path)


class AppriseBench:
    def __init__(self, end: Receiver) -> None:
        self.end = end
        self.channel = webhook(end)

    def received(self) -> list[Mapping[str, str]]:
        return [
            {name: each[name] for name in ("notification_id", "incident_id", "cause", "severity", "title", "link")}
            | {"body": each["message"].removesuffix(f"\n\n{each['link']}")}
            for each in self.end.taken
        ]

    def break_down(self) -> None:
        self.end.mood = "fails"

    def mend(self) -> None:
        self.end.mood = "takes"


def webhook(end: Receiver, timeout_s: float = 10.0) -> AppriseChannel:
    url = f"json://ops:s3cretpass@127.0.0.1:{end.port}/hooks/T0K3Nabcdef"
    return AppriseChannel("w", url, called="W_URL", timeout_s=timeout_s)


@contextlib.asynccontextmanager
async def memory(_: Path) -> AsyncIterator[Bench]:
    yield MemoryBench()


@contextlib.asynccontextmanager
async def file(folder: Path) -> AsyncIterator[Bench]:
    yield FileBench(folder)


@contextlib.asynccontextmanager
async def apprise(_: Path) -> AsyncIterator[Bench]:
    async with receiver() as end:
        yield AppriseBench(end)


Make = Callable[[Path], AbstractAsyncContextManager[Bench]]
every_channel = pytest.mark.parametrize("make", [memory, file, apprise])


async def check_what_is_taken_arrived_once(bench: Bench) -> None:
    await bench.channel.send(NEWS)
    assert bench.received() == [asdict(NEWS)]


async def check_a_failure_is_told_and_passes(bench: Bench) -> None:
    await bench.channel.send(NEWS)
    bench.break_down()
    for _ in range(2):
        with pytest.raises(RetryLater) as caught:
            await bench.channel.send(replace(NEWS, notification_id="n-2"))
        assert str(caught.value).strip()
        assert "\n" not in str(caught.value)
    bench.mend()
    await bench.channel.send(replace(NEWS, notification_id="n-2"))
    assert [each["notification_id"] for each in bench.received()] == ["n-1", "n-2"]


async def check_a_repeated_one_can_be_told_by_its_id(bench: Bench) -> None:
    await bench.channel.send(NEWS)
    await bench.channel.send(NEWS)
    assert [each["notification_id"] for each in bench.received()] == ["n-1", "n-1"]


async def check_text_arrives_to_the_letter(bench: Bench) -> None:
    await bench.channel.send(replace(NEWS, title=HOSTILE, body=HOSTILE))
    (got,) = bench.received()
    assert (got["title"].split(), got["body"]) == (HOSTILE.split(), HOSTILE)


async def check_many_at_once_all_arrive_whole(bench: Bench) -> None:
    many = [replace(NEWS, notification_id=f"n-{number}", body="x" * (50 * number + 1)) for number in range(60)]
    await asyncio.gather(*map(bench.channel.send, many))
    assert sorted(bench.received(), key=lambda each: len(each["body"])) == list(map(asdict, many))


async def check_nothing_more_to_say(bench: Bench) -> None:
    await bench.channel.send(replace(NEWS, incident_id="", body="", link=""))
    (got,) = bench.received()
    assert (got["incident_id"], got["link"]) == ("", "")


CHECKS = [
    check_what_is_taken_arrived_once,
    check_a_failure_is_told_and_passes,
    check_a_repeated_one_can_be_told_by_its_id,
    check_text_arrives_to_the_letter,
    check_many_at_once_all_arrive_whole,
    check_nothing_more_to_say,
]


@every_channel
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_channel(make: Make, check: Callable[[Bench], Any], tmp_path: Path) -> None:
    async with make(tmp_path) as bench:
        await check(bench)


class Swallows(MemoryChannel):
    async def send(self, outgoing: Outgoing) -> None:
        with contextlib.suppress(RetryLater):
            await super().send(outgoing)


class Repeats(MemoryChannel):
    async def send(self, outgoing: Outgoing) -> None:
        await super().send(outgoing)
        self.sent.append(replace(outgoing, notification_id="other", body=outgoing.body.replace("<", "&lt;")))


@pytest.mark.parametrize(
    ("kind", "check"),
    [
        (Swallows, check_a_failure_is_told_and_passes),
        (Repeats, check_what_is_taken_arrived_once),
        (Repeats, check_a_repeated_one_can_be_told_by_its_id),
        (Repeats, check_text_arrives_to_the_letter),
        (Repeats, check_many_at_once_all_arrive_whole),
        (Repeats, check_nothing_more_to_say),
    ],
)
async def test_the_suite_finds_a_channel_that_breaks_its_word(
    kind: type[MemoryChannel], check: Callable[[Bench], Any]
) -> None:
    bench = MemoryBench()
    bench.channel = kind("m")
    with pytest.raises((AssertionError, ValueError, pytest.fail.Exception)):
        await check(bench)


MOODS: dict[Mood, str] = {
    "fails": "error=500",
    "redirects": "error=302",
    "hangs": "Connection error",
    "trickles": "no answer within 0.6 s",
    "closes": "Connection error",
    "breaks off": "Connection error",
}


@pytest.mark.parametrize("mood", MOODS)
async def test_a_webhook_that_misbehaves_is_a_failure_without_its_address(mood: Mood) -> None:
    async with receiver() as end:
        channel = webhook(end, timeout_s=0.3)
        end.mood = mood
        with pytest.raises(RetryLater) as caught:
            await channel.send(NEWS)
        assert end.asked == 1, "tried by the outbox alone"
        reason = str(caught.value)
        assert MOODS[mood] in reason
        assert not [
            part for part in ("s3cretpass", "T0K3N", "127.0.0.1", str(end.port), "ops", "hooks") if part in reason
        ]
        end.mood = "takes"
        await channel.send(NEWS)
        assert [each["notification_id"] for each in end.taken] == ["n-1"]


async def test_a_webhook_that_is_down_gets_it_when_it_is_back() -> None:
    async with receiver() as end:
        channel = webhook(end)
        await end.stop_listening()
        with pytest.raises(RetryLater, match="Connection error"):
            await channel.send(NEWS)
        await end.listen()
        await channel.send(NEWS)
        assert len(end.taken) == 1


class Heard(logging.Handler):
    """What the root logger, which the worker shows, hears at its most talkative."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text += f"{record.name} {record.getMessage()}\n"


@pytest.fixture
def heard() -> Iterator[Heard]:
    root, handler = logging.getLogger(), Heard()
    libraries = [logging.getLogger(name) for name in ("apprise", "urllib3")]
    before = [(logger, logger.level, logger.propagate) for logger in (root, *libraries)]
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    for logger in libraries:
        logger.setLevel(logging.NOTSET)
        logger.propagate = True
    yield handler
    root.removeHandler(handler)
    for logger, level, propagate in before:
        logger.setLevel(level)
        logger.propagate = propagate


async def test_nothing_of_an_address_gets_into_the_logs(heard: Heard) -> None:
    logging.getLogger("x").debug("something")
    async with receiver() as end:
        channel = webhook(end)
        await channel.send(NEWS)
        end.mood = "fails"
        with pytest.raises(RetryLater):
            await channel.send(NEWS)
    assert "something" in heard.text
    assert "T0K3N" not in heard.text
    assert "s3cret" not in heard.text


@pytest.mark.parametrize(
    ("severity", "cause", "kind"),
    [
        ("critical", "new", "failure"),
        ("warning", "worse", "warning"),
        ("info", "new", "info"),
        ("critical", "resolved", "success"),
    ],
)
async def test_a_webhook_is_told_how_bad_it_is(severity: str, cause: str, kind: str) -> None:
    async with receiver() as end:
        await webhook(end).send(replace(NEWS, severity=severity, cause=cause))
        assert [each["type"] for each in end.taken] == [kind]


async def test_an_optional_receiver_is_none_and_its_own_retries_are_not_made() -> None:
    async with receiver() as end:
        end.mood = "fails"
        channel = AppriseChannel("w", f"json://127.0.0.1:{end.port}/?optional=yes&retry=3&wait=0.1", called="W_URL")
        with pytest.raises(RetryLater):
            await channel.send(NEWS)
        assert end.asked == 1


async def test_a_line_that_was_cut_short_takes_no_other_with_it(tmp_path: Path) -> None:
    path = tmp_path / "n.jsonl"
    path.write_bytes(b'{"notification_id": "n-')
    await FileChannel("f", path).send(NEWS)
    cut, whole = path.read_text().splitlines()
    assert cut == '{"notification_id": "n-'
    assert json.loads(whole) == asdict(NEWS)


async def test_a_file_waits_for_who_is_writing(tmp_path: Path) -> None:
    path = tmp_path / "n.jsonl"
    with path.open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        other.write(b'{"notification_id": ')
        other.flush()
        sending = asyncio.create_task(FileChannel("f", path).send(NEWS))
        done, _ = await asyncio.wait({sending}, timeout=0.2)
        assert not done
        other.write(b'"n-0"}\n')
    await sending
    assert [json.loads(line)["notification_id"] for line in path.read_text().splitlines()] == ["n-0", "n-1"]


ENVIRON = {
    "HOOK": " json://127.0.0.1:9/x ",
    "EMPTY": "",
    "NONSENSE": "s3cret-thing",
    "UNKNOWN": "s3cret://thing",
    "TWO": "json://s3cret1/, json://s3cret2/",
    "NONE": "sns://AHIAJGNT76XIMXDBIJYA/bu1dHSdO22pfaaVys3cret/wmNsdjJk/us-east-1/",
    "MANY": "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#s3cret/#other",
}


def test_channels_open_by_what_the_policy_says(tmp_path: Path) -> None:
    configs = [ChannelConfig(name="hook", url_from="HOOK"), ChannelConfig(name="log", file=str(tmp_path / "log.jsonl"))]
    opened = open_channels(configs, ENVIRON)
    assert {name: type(each) for name, each in opened.items()} == {"hook": AppriseChannel, "log": FileChannel}
    assert [each.name for each in opened.values()] == ["hook", "log"]


@pytest.mark.parametrize(
    ("variable", "says"),
    [
        ("ABSENT", "channel 'c': the environment variable ABSENT is not set"),
        ("EMPTY", "channel 'c': the environment variable EMPTY is not set"),
        ("NONSENSE", "channel 'c': NONSENSE holds no address that Apprise knows"),
        ("UNKNOWN", "channel 'c': UNKNOWN holds no address that Apprise knows"),
        ("TWO", "channel 'c': TWO holds several addresses; make a channel for each"),
        ("NONE", "channel 'c': NONE leads to 0 receivers; name one in it"),
        ("MANY", "channel 'c': MANY leads to 2 receivers; make a channel for each"),
    ],
)
def test_a_channel_that_cannot_be_names_the_variable_only(
    variable: str, says: str, capfd: pytest.CaptureFixture[str], heard: Heard
) -> None:
    with pytest.raises(SetupError) as caught:
        open_channels([ChannelConfig(name="c", url_from=variable)], ENVIRON)
    assert str(caught.value) == says
    out, err = capfd.readouterr()
    assert "s3cret" not in out + err + heard.text


def test_every_channel_that_cannot_be_is_told_at_once(tmp_path: Path) -> None:
    configs = [
        ChannelConfig(name="a", url_from="ABSENT"),
        ChannelConfig(name="b", url_from="UNKNOWN"),
        ChannelConfig(name="c", file=str(tmp_path / "no" / "file")),
        ChannelConfig(name="d", file=str(tmp_path)),
    ]
    with pytest.raises(SetupError) as caught:
        open_channels(configs, ENVIRON)
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == [f"channel '{each}'" for each in "abcd"]


SECRETS = st.text(alphabet="abcXYZ0129_-.~%+", min_size=3, max_size=12)


@given(SECRETS, SECRETS, SECRETS, st.text(max_size=30))
def test_no_part_of_an_address_is_left_in_a_reason(user: str, token: str, query: str, around: str) -> None:
    url = f"jsons://{user}:{token}@host.example/{token}/x?key={query}#frag"
    message = f"{around} {url} {token}{around}{query} said {user}"
    reason = redact(message, url)
    assert not [part for part in (user, token, query, "host.example") if part.lower() in reason.lower()]
    assert len(reason) <= LONGEST
    assert "\n" not in reason


def test_an_address_is_recognised_however_it_is_written() -> None:
    assert redact("no TOKEN%2fabc, Token/ABC", "json://h/Token%2FAbc") == "no …, …"


@given(st.text())
def test_plain_text_is_stable_and_can_be_sent(text: str) -> None:
    once = plain(text)
    assert plain(once) == once
    once.encode()
