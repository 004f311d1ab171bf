"""What stands in an address or a variable: used or refused, and never notified."""

from __future__ import annotations

import io
import logging
import socket
from pathlib import Path

import pytest

from cli import main
from cli.common import load_settings, print_table
from console.render import Renderer
from livewarden.errors import SetupError
from livewarden.redact import RedactedLines, redact
from sinks.store.connection import Address
from sinks.whole_file import private_file


@pytest.mark.parametrize(
    "address",
    [
        "http://admin:hunter2@127.0.0.1:8123",
        "kafka://admin:hun%20hunter2@broker:9092",
        "slack://hunter2@workspace/",
        "http://proxy:a/hunter2@b@10.0.0.1:3128",
        "json://host/?token=hunter2",
        "http://host:8123/?user=x&password=hunter2",
        "mailtos://me:hunter2#x@example.org",
    ],
)
def test_no_address_is_told_with_what_opens_it(address: str) -> None:
    line = redact(f"{address} failed, and '{address}' too")
    assert "hunter2" not in line
    assert line.endswith("too")
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(RedactedLines("%(message)s"))
    logger = logging.Logger("test")
    logger.addHandler(handler)
    try:
        raise OSError(f"cannot reach {address}")
    except OSError:
        logger.exception("no\n2026-01-01 ERROR forged %s", address)
    assert "hunter2" not in written.getvalue()
    assert written.getvalue().splitlines()[0].startswith(r"no\n2026")


def test_a_user_and_a_password_in_the_url_are_used() -> None:
    address = Address("https://admin:hunt%40er2@[::1]:8443/", "default", "", "live")
    assert (address.url, address.user, address.password) == ("https://[::1]:8443", "admin", "hunt@er2")
    assert "hunt" not in repr(address)
    assert Address("http://h", "u", "p").password == "p"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:99999",
        "http://127.0.0.1:0",
        "http://[::1",
        "http://a:hunter2/x@h:8123",
        "http://a:hunter2#x@h",
        "http://h:8123/?password=hunter2",
        "ftp://a:hunter2@h",
    ],
)
def test_a_url_that_is_none_is_one_line(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIVEWARDEN_CLICKHOUSE_URL", url)
    assert main(["sql", "SELECT 1"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "LIVEWARDEN_CLICKHOUSE_URL" in said
    assert "hunter2" not in said


@pytest.mark.loopback
def test_an_unreachable_clickhouse_is_told_without_its_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setenv("LIVEWARDEN_CLICKHOUSE_URL", f"http://admin:hunter2@127.0.0.1:{port}")
    assert main(["worker"]) == 2
    said = capsys.readouterr()
    assert "hunter2" not in said.out + said.err
    assert f"ClickHouse at http://127.0.0.1:{port} does not answer" in said.err
    assert "hunter2" not in repr(load_settings())


@pytest.mark.loopback
def test_a_metrics_port_that_is_taken_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("LIVEWARDEN_METRICS_PORT", str(taken.getsockname()[1]))
        assert main(["worker"]) == 2
        said = capsys.readouterr().err
    assert said.startswith("LIVEWARDEN_METRICS_PORT: cannot listen on 127.0.0.1 port")
    assert said.count("\n") == 1


@pytest.mark.parametrize("port", ["99999", "-1", "http"])
def test_a_metrics_port_out_of_range_is_one_line(
    port: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIVEWARDEN_METRICS_PORT", port)
    assert main(["worker"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("LIVEWARDEN_METRICS_PORT: ")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("LIVEWARDEN_KAFAK", "LIVEWARDEN_KAFKA"),
        ("LIVEWARDEN_CONSOLE_TOKENS", "LIVEWARDEN_CONSOLE_TOKEN"),
        ("LIVEWARDEN_CLICKHOUSE_PASWORD", "LIVEWARDEN_CLICKHOUSE_PASSWORD"),
        ("LIVEWARDEN_PARTITON", "LIVEWARDEN_PARTITIONS"),
    ],
)
def test_a_misspelt_setting_is_refused_with_the_one_that_was_meant(
    name: str, meant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "hunter2")
    with pytest.raises(SetupError, match=f"^{name} is no setting: did you mean {meant}\\?$"):
        load_settings()


def test_what_is_somebody_elses_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    response = tmp_path / "response.toml"
    response.write_text('[[channel]]\nname = "a"\nurl_from = "LIVEWARDEN_KAFKAS"\n')
    monkeypatch.setenv("LIVEWARDEN_RESPONSE", str(response))
    for name in ("LIVEWARDEN_KAFKAS", "LIVEWARDEN_TEST_KAFKA", "LIVEWARDEN_PORT_8080_TCP_ADDR", "livewarden_group"):
        monkeypatch.setenv(name, "x")
    assert load_settings().group == "x"
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("LIVEWARDEN_COLOUR", "hunter2")
    load_settings()
    assert capsys.readouterr().err == "LIVEWARDEN_COLOUR is no setting of livewarden; it is ignored\n"


def test_a_file_with_a_secret_is_its_owners_alone(tmp_path: Path) -> None:
    place = tmp_path / "environment"
    place.write_text("old")
    place.chmod(0o644)
    private_file(place, "new")
    assert (place.stat().st_mode & 0o777, place.read_text()) == (0o600, "new")


@pytest.mark.parametrize("mark", ["\u202e", "\u2066", "\u200f", "\x1b", "\x85", "\u2028", "\x00", "\x9b"])
def test_what_nobody_sees_is_written_out(mark: str, capsys: pytest.CaptureFixture[str]) -> None:
    page = Renderer()._environment.from_string("{{ word }} {{ word | urlencode }} <b>{{ '<i>' }}</b>\n")
    shown = page.render(word=f"invoice{mark}fdp.exe")
    assert mark not in shown
    assert ascii(mark)[1:-1] in shown
    assert "<b>&lt;i&gt;</b>" in shown
    print_table(["name"], [[f"invoice{mark}fdp.exe"]])
    assert mark not in capsys.readouterr().out
