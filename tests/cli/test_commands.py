"""The command line as a person meets it: help, results, and one clear line where something is wrong."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from typer.main import get_command

from cli import GROUPS, app, main
from cli.common import load_plan
from cli.demo_run import MARKER, Demo
from cli.run_folder import FILES
from livewarden.settings import Settings
from models.monitors.file import parse_monitors
from models.monitors.plan import Plan
from sinks.store.connection import Address
from sources.recordings import shipped
from sources.simulate import Scenario, scenario_evening
from tests.kafka_fixtures import Broker

EXAMPLE = Path(__file__).parents[2] / "examples/events/enforcement.action.json"
TOP = get_command(app).commands  # type: ignore[attr-defined]
COMMANDS = sorted({*TOP, *(f"{group} {name}" for group in GROUPS for name in TOP[group].commands)} - GROUPS.keys())


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test starts in a folder of its own, without settings."""
    monkeypatch.chdir(tmp_path)
    for name in ("KAFKA", "CLICKHOUSE_URL", "MONITORS", "PARTITIONS"):
        monkeypatch.delenv(f"LIVEWARDEN_{name}", raising=False)
    return tmp_path


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A loopback port on which nothing listens, held so that nothing will."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.split(), "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "Example:" in shown
    assert f"livewarden {command}" in shown


@pytest.mark.parametrize("args", [[], ["--help"], ["-h"], *([group] for group in GROUPS)])
def test_without_a_command_there_is_help(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(args) == 0
    assert "Commands:" in capsys.readouterr().out


WRONG = {
    "an unknown command": (["nope"], "No such command 'nope'"),
    "an unknown flag": (["replay", "x.jsonl", "--frm", "2025"], "No such option: --frm"),
    "a missing argument": (["replay"], "Missing argument"),
    "no such recording": (["replay", "x.jsonl"], "x.jsonl: no such file"),
    "an unknown kind of file": (["replay", "x.txt"], "x.txt"),
    "a bad time": (["replay", "x.jsonl", "--from", "yesterday"], "--from: 'yesterday'"),
    "times in the wrong order": (["replay", "x.jsonl", "--from", "2025-02-01", "--to", "2025-01-01"], "--from must be"),
    "no such monitors file": (["check", "m.toml"], "m.toml: No such file"),
    "no such response file": (["check", "--response", "r.toml"], "r.toml: No such file"),
    "no such evidence": (["evidence", "verify", "case.zip"], "case.zip: No such file"),
    "no digest": (["evidence", "verify", "case.zip", "--digest", "12"], "64 hexadecimal digits"),
    "no such run": (["diff", "a", "b"], "a/alerts.jsonl"),
    "an unknown schema": (["schema", "enforcement"], "no schema is named 'enforcement'"),
    "an unknown suffix": (["simulate", "--out", "x.csv"], "x.csv"),
    "an empty query": (["sql", " "], "the query is empty"),
    "no such dump": (["import", "dsa", "x.zip", "--out", "o.jsonl"], "x.zip"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_one_line_and_exit_2(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    args, expected = WRONG[what]
    assert main(args) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert expected in err


def test_an_empty_recording_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "e.jsonl").touch()
    assert main(["replay", "e.jsonl"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_recording_of_rubbish_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "g.jsonl").write_text("rubbish\nmore\n")
    assert main(["replay", "g.jsonl"]) == 2
    assert "no line is an event; line 1: broken_json" in capsys.readouterr().err


def test_bad_lines_among_good_ones_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "m.jsonl").write_text(f"rubbish\n{json.dumps(json.loads(EXAMPLE.read_text()))}\n{{}}\n")
    assert main(["replay", "m.jsonl", "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    ends = 4  # the end of the recording, said on each partition
    assert (summary["events"], summary["dead"]) == (1 + ends, 2)


def test_a_setting_that_cannot_be_read_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIVEWARDEN_PARTITIONS", "many")
    assert main(["worker"]) == 2
    assert "LIVEWARDEN_PARTITIONS" in capsys.readouterr().err


def test_every_mistake_in_a_monitors_file_is_named_by_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "m.toml").write_text('[[monitor]]\nname = "A"\nevent = "enforcement.acton"\nbuckt = "1d"\n')
    assert main(["check", "m.toml"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[1] for line in lines] == ["line 1", "line 2", "line 3", "line 4"]
    assert "did you mean 'bucket'?" in "\n".join(lines)


def test_a_byte_order_mark_before_a_monitors_file_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = '[[monitor]]\nname = "A"\nevent = "enforcement.acton"\nbuckt = "1d"\n'
    (tmp_path / "m.toml").write_text(bad)
    (tmp_path / "bom.toml").write_text("\ufeff" + bad)
    said = []
    for name in ("m.toml", "bom.toml"):
        assert main(["check", name]) == 2
        said.append(capsys.readouterr().err.replace(name, ""))
    assert said[0] == said[1]


def test_the_shipped_monitors_have_no_mistakes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0
    assert "no mistakes" in capsys.readouterr().out
    assert main(["check", "--json"]) == 0
    assert {"name", "threshold", "config_hash"} <= json.loads(capsys.readouterr().out)[0].keys()


def test_a_response_file_is_checked_beside_the_monitors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    good = '[[channel]]\nname = "log"\nfile = "log.jsonl"\n[[route]]\nname = "all"\nto = ["log"]\n'
    (tmp_path / "r.toml").write_text(good)
    assert main(["check", "--response", "r.toml"]) == 0
    assert capsys.readouterr().out.endswith(" monitors, 1 channels, 1 routes, no mistakes\n")
    (tmp_path / "r.toml").write_text(good.replace('["log"]', '["lok"]'))
    (tmp_path / "m.toml").write_text("")
    monkeypatch.setenv("LIVEWARDEN_RESPONSE", "r.toml")
    assert main(["check", "m.toml"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "m.toml: line 1: no [[monitor]] table in the file",
        "r.toml: line 6: to: no channel is named 'lok'; did you mean 'log'?",
    ]


def test_a_replay_writes_its_files_and_equals_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recording = str(shipped())
    assert main(["replay", recording, "--out", "a", "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary == {**json.loads((tmp_path / "a" / "summary.json").read_text()), "out": "a"}
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == sorted(FILES)
    alerts = [json.loads(line) for line in (tmp_path / "a" / "alerts.jsonl").read_text().splitlines()]
    assert len(alerts) == summary["alerts"] + summary["suppressed"]
    assert ("shop-closures", "2025-04-08T00:00:00Z", 240_043) in {
        (alert["monitor"], alert["window_start"], alert["observed"]) for alert in alerts
    }
    assert main(["replay", recording, "--out", "b", "--run", "again"]) == 0
    assert main(["diff", "a", "b"]) == 0
    capsys.readouterr()
    assert main(["replay", recording, "--out", "c", "--from", "2025-01-01"]) == 0
    capsys.readouterr()
    assert main(["diff", "a", "c", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert not found["identical"]
    assert {what for alert in found["alerts"] for what in alert["what"]} == {"removed"}


def test_from_and_to_choose_what_is_reported_and_not_what_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(shipped()), "--from", "2025-04-08", "--to", "2025-04-09", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["alerts_by_monitor"] == {"shop-closures": 1}


def test_schemas_are_listed_written_and_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert "asyncapi.json" in capsys.readouterr().out
    assert main(["schema", "appeal.lifecycle"]) == 0
    assert json.loads(capsys.readouterr().out)["title"]
    assert main(["schema", "--out", "s"]) == 0
    assert main(["schema", "--check", "s"]) == 0
    (tmp_path / "s" / "asyncapi.json").write_text("{}")
    assert main(["schema", "--check", "s"]) == 1


@pytest.mark.clickhouse
def test_clickhouse_not_there_is_one_clear_line(
    closed_port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIVEWARDEN_CLICKHOUSE_URL", f"http://127.0.0.1:{closed_port}")
    for command in (["worker"], ["migrate"], ["sql", "SELECT 1"]):
        assert main(command) == 2
        err = capsys.readouterr().err
        assert err.count("\n") == 1
        assert "does not answer" in err
        assert "set LIVEWARDEN_CLICKHOUSE_URL" in err


@pytest.mark.kafka
def test_kafka_not_there_is_one_clear_line(
    closed_port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIVEWARDEN_KAFKA", f"127.0.0.1:{closed_port}")
    assert main(["topics"]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "set LIVEWARDEN_KAFKA" in err


@pytest.mark.clickhouse
def test_migrate_and_sql(
    clickhouse_empty: Address, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("url", "user", "password", "database"):
        monkeypatch.setenv(f"LIVEWARDEN_CLICKHOUSE_{name.upper()}", getattr(clickhouse_empty, name))
    assert main(["sql", "SELECT 1"]) == 2
    assert "livewarden migrate" in capsys.readouterr().err
    assert main(["migrate"]) == 0
    assert "applied" in capsys.readouterr().out
    assert main(["migrate"]) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert main(["sql", "SELECT count() AS alerts FROM alerts_now", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"alerts": 0}]
    assert main(["sql", "DROP TABLE alerts"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_demo_leaves_a_folder_that_is_not_its_own_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    assert main(["demo", "--once", "--dir", "mine"]) == 2
    assert "not a demo's folder" in capsys.readouterr().err
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


@pytest.mark.kafka
@pytest.mark.clickhouse
def test_the_demo_lists_the_real_incidents_and_the_simulated_ones(tmp_path: Path) -> None:
    """In a process of its own, because an engine is one per process; a short scenario, the real recording whole."""
    script = (
        "import asyncio, json\n"
        "from pathlib import Path\n"
        "from tests.cli.test_commands import short_demo\n"
        "print(json.dumps(asyncio.run(short_demo(Path('demo')))))\n"
    )
    summary = json.loads(asyncio.run(_python(script)))
    notified = {(a["monitor"], a["window_start"][:10], a["observed"]) for a in summary["recording"]["alerts"]}
    assert ("shop-closures", "2025-04-08", 240_043) in notified
    assert ("product-actions", "2024-12-12", 118_211) in notified
    assert ("product-actions", "2025-05-27", 244_231) in notified
    assert ("live-restrictions", "2025-05-02", 744) in notified
    assert summary["simulation"]["simulated"] is True
    assert summary["stored"]["events"] == summary["recording"]["events"] + summary["simulation"]["events"]
    assert (tmp_path / "demo" / MARKER).exists()


async def short_demo(folder: Path) -> dict[str, object]:
    from importlib.resources import files

    plan = Plan(parse_monitors(files("livewarden").joinpath("monitors.toml").read_text()))
    return await Demo(plan, Scenario(hours=1, rooms=0.3), folder, 0, lambda text: None).run(stay=False)


async def _python(script: str) -> bytes:
    import os
    import sys

    root = str(Path(__file__).parents[2])
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE, env=os.environ | {"PYTHONPATH": root}
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out


@pytest.mark.clickhouse
def test_a_reader_without_a_password_can_ask_the_embedded_clickhouse(
    clickhouse: Address, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIVEWARDEN_CLICKHOUSE_DATABASE", clickhouse.database)
    url = ["--url", clickhouse.url]
    assert main(["sql", *url, "SELECT 6 * 7 AS answer", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"answer": 42}]
    assert main(["sql", *url, "SELECT number FROM numbers(11)", "--limit", "10"]) == 2
    assert "row" in capsys.readouterr().err
    assert main(["sql", *url, "DROP TABLE alerts"]) == 2


@pytest.mark.kafka
def test_feed_sends_a_recording(
    embedded_broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIVEWARDEN_KAFKA", embedded_broker.bootstrap)
    asyncio.run(embedded_broker.create_topics(Settings().topics()))
    (tmp_path / "one.jsonl").write_text(json.dumps(json.loads(EXAMPLE.read_text())) + "\n")
    assert main(["feed", "one.jsonl", "--json"]) == 0
    ends = 4  # the end of the recording, said on each partition
    assert json.loads(capsys.readouterr().out) == {"sent": 1 + ends}
    recorded = [json.loads(EXAMPLE.read_text()) | {"id": f"p{n}", "partition": n, "offset": 0} for n in range(8)]
    (tmp_path / "eight.jsonl").write_text("".join(json.dumps(each) + "\n" for each in recorded))
    assert main(["feed", "eight.jsonl"]) == 2
    err = capsys.readouterr().err
    assert "recorded on partition 4" in err
    assert err.count("\n") == 1
    assert main(["feed", "none.jsonl"]) == 2
    assert capsys.readouterr().err == "none.jsonl: no such file\n"


def test_a_run_is_not_overwritten_without_a_word(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recording = str(shipped())
    words = ["replay", recording, "--from", "2025-04-08", "--to", "2025-04-09", "--json"]
    (tmp_path / "replay").mkdir()
    (tmp_path / "replay" / "alerts.jsonl").write_text("kept\n")
    assert main(words) == 2
    assert capsys.readouterr().err.splitlines() == [
        "replay/ holds a run: choose another with --run or --out, or say --overwrite",
    ]
    assert (tmp_path / "replay" / "alerts.jsonl").read_text() == "kept\n"
    assert main([*words, "--overwrite"]) == 0
    assert (tmp_path / "replay" / "alerts.jsonl").read_text() != "kept\n"


def test_a_terminal_of_ascii_gets_a_table_and_json_that_reads_back() -> None:
    def at_ascii(*words: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"PYTHONIOENCODING": "ascii"}
        done = [sys.executable, "-m", "cli", *words]
        return subprocess.run(done, capture_output=True, text=True, env=environment, check=True, timeout=60)

    assert "?" in at_ascii("check").stdout
    titles = [each["title"] for each in json.loads(at_ascii("check", "--json").stdout)]
    assert "Concurrent viewers in LIVE rooms" in titles


def test_the_version_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"livewarden {metadata.version('livewarden')}\n"


def test_a_second_demo_is_refused_before_anything_is_deleted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "d"
    demo = Demo(load_plan(None), scenario_evening(), folder, 0, lambda _: None)
    with demo.prepare():
        (folder / "notifications.jsonl").write_text("kept\n")
        assert main(["demo", "--once", "--dir", str(folder)]) == 2
        assert capsys.readouterr().err == f"a demo runs in {folder}: end it, or choose another folder with --dir\n"
        assert (folder / "notifications.jsonl").read_text() == "kept\n"
    with demo.prepare():
        assert [each.name for each in folder.iterdir()] == [MARKER]


def test_ctrl_c_while_it_loads_is_no_traceback() -> None:
    loading = (
        "import signal, os, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from cli import abrupt\nprint(signal.getsignal(signal.SIGINT) is signal.default_int_handler)\n"
        "sys.modules['cli.abrupt'] = None; del sys.modules['cli.abrupt']; import cli.abrupt\n"
        "os.kill(os.getpid(), signal.SIGINT)"
    )
    done = subprocess.run([sys.executable, "-c", loading], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "True\n", "")
