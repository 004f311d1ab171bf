"""docker-compose.yml and what it mounts: complete, closed to the outside, and true to the code."""

from __future__ import annotations

import dataclasses
import json
import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

import pytest
import yaml

from livewarden.clock import SystemClock
from livewarden.metrics import METRICS
from livewarden.settings import Settings
from sinks.store.clickhouse import ClickHouseStore
from sinks.store.connection import Address
from sinks.store.reader import Reader
from tests.apache_kafka import KAFKA_VERSION
from tests.evening_fixtures import fill

ROOT: Final = Path(__file__).parents[2]
COMPOSE: Final = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: Final[dict[str, Any]] = COMPOSE["services"]
PROMETHEUS: Final = yaml.safe_load((ROOT / "ops" / "prometheus.yml").read_text(encoding="utf-8"))
DASHBOARDS: Final[dict[str, Any]] = {
    path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (ROOT / "ops/grafana/dashboards").glob("*.json")
}
DOCKERFILE: Final = (ROOT / "Dockerfile").read_text(encoding="utf-8")
PINNED: Final = re.compile(r"[a-z/-]+:v?\d+\.\d+\.\d+[a-z0-9.-]*")
SLICE_OF: Final = {"$monitor": "shop-closures", "$slice": "DE"}

every_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)


def files_mounted() -> Iterator[tuple[str, Path]]:
    for name, service in SERVICES.items():
        for volume in service.get("volumes", ()):
            source, target, *_ = volume.split(":")
            if source.startswith("."):
                yield f"{name}:{target}", ROOT / source
            else:
                assert source in COMPOSE["volumes"], f"{source} is no volume"


def targets(*dashboards: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name in dashboards or DASHBOARDS:
        for panel in DASHBOARDS[name]["panels"]:
            for target in panel.get("targets", ()):
                yield f"{name}: {panel['title']} {target['refId']}", target


def queries(*dashboards: str) -> list[tuple[str, str]]:
    """Every SQL text of these dashboards, or of all, as Grafana would send it."""
    texts = [(name, target["rawSql"]) for name, target in targets(*dashboards) if "rawSql" in target]
    for name in dashboards or DASHBOARDS:
        texts += [(each["name"], each["query"]["rawSql"]) for each in DASHBOARDS[name]["templating"]["list"]]
    return [(name, _expanded(text)) for name, text in texts]


def _expanded(text: str) -> str:
    text = re.sub(r"\$__timeFilter\((\w+)\)", r"\1 >= toDateTime(0) AND \1 <= now()", text)
    for name, value in SLICE_OF.items():
        text = text.replace(name, value)
    return text


@every_service
def test_image_is_pinned(service: dict[str, Any]) -> None:
    assert PINNED.fullmatch(service["image"])


def test_base_image_is_pinned() -> None:
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert bases
    assert all(PINNED.fullmatch(base) for base in bases)


def test_versions_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert SERVICES["worker-1"]["image"] == f"livewarden:{project['version']}"
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}", "the tests run on the Kafka that is shipped"
    embedded = ".".join(version("chdb-core").split(".")[:2])
    assert SERVICES["clickhouse"]["image"].partition(":")[2].startswith(f"{embedded}."), "the embedded engine's version"


@every_service
def test_ports_are_loopback_only(service: dict[str, Any]) -> None:
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in service.get("ports", ()))


@every_service
def test_is_watched_or_ends(service: dict[str, Any]) -> None:
    assert ("healthcheck" in service) != (service.get("restart") == "no")


@every_service
def test_waits_for_what_can_be_waited_for(service: dict[str, Any]) -> None:
    for name, how in service.get("depends_on", {}).items():
        ends = SERVICES[name].get("restart") == "no"
        assert how["condition"] == ("service_completed_successfully" if ends else "service_healthy")


@every_service
def test_variables_are_settings(service: dict[str, Any]) -> None:
    given = {name.lower(): value for name, value in service.get("environment", {}).items()}
    ours = {name.removeprefix("livewarden_"): value for name, value in given.items() if name.startswith("livewarden_")}
    assert ours.keys() <= Settings.model_fields.keys()
    Settings.model_validate(ours)


def test_passwords_can_be_changed() -> None:
    given = [
        (name, value)
        for service in SERVICES.values()
        for name, value in service.get("environment", {}).items()
        if "PASSWORD" in name
    ]
    assert len(given) >= 4
    assert all(re.fullmatch(r"\$\{[A-Z_]+:-[a-z-]+-dev\}", value) for _, value in given)


def test_workers_share_one_group_and_take_no_fixed_place_in_it() -> None:
    workers = [service for name, service in SERVICES.items() if name.startswith("worker-")]
    assert len(workers) == 2
    assert workers[0]["environment"] == workers[1]["environment"]
    assert "LIVEWARDEN_MEMBER" not in workers[0]["environment"]


def test_mounted_files_exist() -> None:
    mounted = dict(files_mounted())
    assert mounted
    assert [name for name, path in mounted.items() if not path.exists()] == []


def test_the_image_is_made_of_what_exists() -> None:
    copied = [source for line in re.findall(r"^COPY (.+) \S+$", DOCKERFILE, re.MULTILINE) for source in line.split()]
    assert {"livewarden", "models", "sinks", "sources", "console", "streams", "cli", "requirements/runtime.txt"} <= set(
        copied
    )
    assert [source for source in copied if not (ROOT / source).exists()] == []
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert set(copied) == let_in
    user = re.search(r"^USER (\S+)", DOCKERFILE, re.MULTILINE)
    assert user is not None
    assert user[1] not in {"root", "0"}


def test_prometheus_scrapes_the_workers() -> None:
    (job,) = (job for job in PROMETHEUS["scrape_configs"] if job["job_name"] == "livewarden")
    expected = {
        f"{name}:{service['environment']['LIVEWARDEN_METRICS_PORT']}"
        for name, service in SERVICES.items()
        if name.startswith("worker-")
    }
    assert {target for each in job["static_configs"] for target in each["targets"]} == expected


def test_grafana_knows_its_sources() -> None:
    provisioned = yaml.safe_load((ROOT / "ops/grafana/provisioning/datasources/livewarden.yml").read_text())
    sources = {source["uid"]: source["type"] for source in provisioned["datasources"]}
    used = {target["datasource"]["uid"]: target["datasource"]["type"] for _, target in targets()}
    assert used.items() <= sources.items()
    (provider,) = yaml.safe_load((ROOT / "ops/grafana/provisioning/dashboards/livewarden.yml").read_text())["providers"]
    folder = provider["options"]["path"]
    grafana = SERVICES["grafana"]
    assert f"./ops/grafana/dashboards:{folder}:ro" in grafana["volumes"]
    assert grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] == f"{folder}/livewarden.json"


def test_the_viewer_reads_our_database_only() -> None:
    users = ElementTree.parse(ROOT / "ops/clickhouse/viewer.xml").getroot()
    database = SERVICES["worker-1"]["environment"]["LIVEWARDEN_CLICKHOUSE_DATABASE"]
    assert [each.text for each in users.iterfind(".//grants/query")] == [f"GRANT SELECT ON {database}.*"]
    assert [each.text for each in users.iterfind(".//readonly")] == ["2"]


def test_the_dashboard_shows_metrics_that_exist() -> None:
    endings = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
    exist = {metric.name + ending for metric in METRICS for ending in endings[metric.kind]}
    labels = {metric.name + ending: set(metric.labels) for metric in METRICS for ending in endings[metric.kind]}
    shown: set[str] = set()
    for _, target in targets():
        names = set(re.findall(r"livewarden_\w+", target.get("expr", "")))
        shown |= names
        for by in re.findall(r"by \(([^)]*)\)", target.get("expr", "")):
            known = {"instance", "job", "le"}.union(*(labels.get(name, set()) for name in names))
            assert set(by.replace(" ", "").split(",")) <= known
    assert len(shown) >= 8
    assert shown <= exist


@pytest.mark.clickhouse
async def test_the_dashboards_queries_run(clickhouse: Address) -> None:
    assert len(queries("livewarden")) >= 8
    reader = await Reader.connect(clickhouse.url, clickhouse.user, clickhouse.password, clickhouse.database)
    async with reader:
        for name, text in queries():
            columns, _ = await reader.query(text)
            assert columns, name


@pytest.mark.clickhouse
async def test_the_response_and_its_cases_are_shown(clickhouse: Address) -> None:
    """Over an evening in which everything happens, no panel is empty."""
    store = await ClickHouseStore.connect(*dataclasses.astuple(clickhouse))
    await fill(store, SystemClock().now_ms())
    await store.close()
    assert len(queries("response", "cases")) >= 26
    async with await Reader.connect(*dataclasses.astuple(clickhouse)) as reader:
        for name, text in queries("response", "cases"):
            _, rows = await reader.query(text)
            assert rows, name
            assert [[str(cell) for cell in row] for row in rows] != [["0"]], name


@pytest.mark.parametrize("dashboard", DASHBOARDS.values(), ids=DASHBOARDS)
def test_panels_have_places_of_their_own(dashboard: dict[str, Any]) -> None:
    taken = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert taken.isdisjoint(cells), panel["title"]
        assert max(x for x, _ in cells) < 24, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


def test_dashboards_can_be_told_apart_and_reached_from_one_another() -> None:
    assert len({each["uid"] for each in DASHBOARDS.values()}) == len({each["title"] for each in DASHBOARDS.values()})
    assert len({each["uid"] for each in DASHBOARDS.values()}) == len(DASHBOARDS)
    for each in DASHBOARDS.values():
        assert "livewarden" in each["tags"]
        assert [link["tags"] for link in each["links"]] == [["livewarden"]]
        assert not each["editable"]
