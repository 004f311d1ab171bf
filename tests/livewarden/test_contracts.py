"""The contracts: open for what they do not know, frozen, strict in numbers, complete against the official enums."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, get_args

import pytest
from pydantic import BaseModel, ValidationError

from livewarden.contracts import (
    AGGREGATES,
    BY_CE_TYPE,
    CONTRACTS,
    TOPICS,
    AppealLifecycle,
    Contract,
    EnforcementAction,
    EnforcementReversed,
    MerchantTicket,
    RoomLifecycle,
    SourceHeartbeat,
    StatementOfReasons,
    TrafficSample,
    topic_of,
    unknown_fields,
)
from livewarden.contracts import sor as official
from livewarden.contracts.base import Body, Part
from livewarden.contracts.enforcement import ActionType

EXAMPLES: Final = Path(__file__).parents[2] / "examples" / "events"
SHARED: Final = Path(__file__).parents[3] / "shared" / "data"
NOON: Final = datetime(2026, 3, 12, 12, tzinfo=UTC)

contracts = pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.type_name)


def shared(name: str) -> Path:
    """A real data set that is not ours to ship; the test skips where it is absent."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"{path} is not there")
    return path


def example(contract: type[Contract]) -> dict[str, Any]:
    body = json.loads((EXAMPLES / f"{contract.type_name}.json").read_bytes())["data"]
    assert isinstance(body, dict)
    return body


def parts(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """The model and every model inside it."""
    yield model
    for field in model.model_fields.values():
        for inner in (field.annotation, *get_args(field.annotation)):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from parts(inner)


def numbers() -> list[Any]:
    """(contract, field) of every whole number in any contract."""
    found = []
    for contract in CONTRACTS:
        for name, schema in contract.model_json_schema()["properties"].items():
            if any(option.get("type") == "integer" for option in schema.get("anyOf", [schema])):
                found.append(pytest.param(contract, name, id=f"{contract.type_name}:{name}"))
    return found


@contracts
def test_ce_type_finds_its_contract(contract: type[Contract]) -> None:
    assert contract.ce_type() == f"eu.liveshop.{contract.type_name}.v1"
    assert BY_CE_TYPE[contract.ce_type()] is contract


@contracts
def test_every_field_says_what_it_is(contract: type[Contract]) -> None:
    silent = [
        f"{part.__name__}.{name}"
        for part in parts(contract)
        for name, field in part.model_fields.items()
        if not field.description
    ]
    assert silent == []


@contracts
def test_a_field_that_it_does_not_know_is_kept_and_named_wherever_it_stands(contract: type[Contract]) -> None:
    assert unknown_fields(contract.model_validate_json(json.dumps(example(contract)))) == []
    body = example(contract) | {"colour": {"of": ["red", 1.5, None]}, "key": "mine"}
    inner = [name for name, value in body.items() if name not in ("colour", "sor") and isinstance(value, dict)]
    for name in inner:
        body[name] = body[name] | {"since": 7}
    event = contract.model_validate_json(json.dumps(body))
    assert unknown_fields(event) == sorted(["colour", "key", *(f"{name}.since" for name in inner)])
    kept = json.loads(event.model_dump_json())
    assert (kept["colour"], kept["key"]) == (body["colour"], "mine")
    assert all(kept[name]["since"] == 7 for name in inner)
    # a statement of reasons is closed: what it leaves out is free text about persons
    assert all(issubclass(part, Part if part is StatementOfReasons else Body) for part in parts(contract))


def instants() -> list[Any]:
    """(contract, field) of every instant in any contract."""
    found = []
    for contract in CONTRACTS:
        for name, schema in contract.model_json_schema()["properties"].items():
            if any(option.get("format") == "date-time" for option in schema.get("anyOf", [schema])):
                found.append(pytest.param(contract, name, id=f"{contract.type_name}:{name}"))
    return found


@pytest.mark.parametrize(("contract", "field"), instants())
@pytest.mark.parametrize(
    "digits", ["1744070400", "1744070400000", "-1744070400", "1744070400.5", "+1744070400", 1744070400]
)
def test_digits_are_no_instant(contract: type[Contract], field: str, digits: Any) -> None:
    with pytest.raises(ValidationError, match=field):
        contract.model_validate_json(json.dumps(example(contract) | {field: digits}))


@contracts
def test_frozen(contract: type[Contract]) -> None:
    event = contract.model_validate_json(json.dumps(example(contract)))
    with pytest.raises(ValidationError, match="frozen"):
        event.weight = 2  # type: ignore[misc]


@contracts
def test_unset_fields_left_out_come_back_equal(contract: type[Contract]) -> None:
    required = [name for name, field in contract.model_fields.items() if field.is_required()]
    bare = contract.model_validate_json(json.dumps({name: example(contract)[name] for name in required}))
    assert contract.model_validate_json(bare.model_dump_json(exclude_none=True)) == bare


@contracts
def test_each_required_field_is_missed(contract: type[Contract]) -> None:
    required = [name for name, field in contract.model_fields.items() if field.is_required()]
    assert required
    for name in required:
        body = {key: value for key, value in example(contract).items() if key != name}
        with pytest.raises(ValidationError, match=f"{name}\n  Field required"):
            contract.model_validate_json(json.dumps(body))


NO_WHOLE_NUMBERS: Final = ["1.0", "1e1", "true", '"1"', "NaN", "Infinity", "-1e999", "1.5", str(2**60), "[1]"]


@pytest.mark.parametrize(("contract", "name"), numbers())
def test_whole_numbers_are_strict(contract: type[Contract], name: str) -> None:
    body = json.dumps(example(contract) | {name: 1})
    contract.model_validate_json(body)
    for text in NO_WHOLE_NUMBERS:
        with pytest.raises(ValidationError, match=name):
            contract.model_validate_json(body.replace(f'"{name}": 1', f'"{name}": {text}'))


@pytest.mark.parametrize(("contract", "name"), [p for p in numbers() if p.values[1] != "points_delta"])
def test_counts_are_never_negative(contract: type[Contract], name: str) -> None:
    with pytest.raises(ValidationError, match="greater than or equal to"):
        contract.model_validate_json(json.dumps(example(contract) | {name: -1}))


def test_points_may_fall() -> None:
    assert EnforcementAction(action_id="a1", points_delta=-2).points_delta == -2


@pytest.mark.parametrize(
    ("contract", "field", "value"),
    [
        (TrafficSample, "market", "de"),
        (TrafficSample, "market", "DEU"),
        (TrafficSample, "currency", "€"),
        (TrafficSample, "room_id", ""),
        (TrafficSample, "room_id", "two words"),
        (TrafficSample, "room_id", "x" * 257),
        (TrafficSample, "window_s", 0),
        (TrafficSample, "window_s", 86_401),
        (TrafficSample, "weight", 0),
        (TrafficSample, "time_precision", "week"),
        (TrafficSample, "traffic_source", "for_you"),
        (TrafficSample, "window_start", "2026-03-12T19:30:00"),
        (TrafficSample, "window_start", "2026-03-12"),
        (TrafficSample, "window_start", 1773343800),
        (MerchantTicket, "severity", 0),
        (MerchantTicket, "severity", 5),
        (MerchantTicket, "sentiment", 1.01),
        (MerchantTicket, "language", "deutsch!"),
        (RoomLifecycle, "products", [""]),
        (EnforcementAction, "action_type", "LIVE_EXPLODED"),
        (EnforcementAction, "sor", {"category": "STATEMENT_CATEGORY_OTHER"}),
        (EnforcementAction, "sor", {"decision_facts": "free text"}),
        (SourceHeartbeat, "topic", "live.elsewhere"),
    ],
)
def test_refused(contract: type[Contract], field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=field):
        contract.model_validate_json(json.dumps(example(contract) | {field: value}))


def test_coarse_events_go_to_the_aggregates() -> None:
    for precision, topic in (
        ("second", "live.enforcement"),
        ("minute", "live.enforcement"),
        ("hour", AGGREGATES),
        ("day", AGGREGATES),
    ):
        action = EnforcementAction.model_validate({"action_id": "a1", "time_precision": precision})
        assert topic_of(action) == topic


@pytest.mark.parametrize("topic", TOPICS)
def test_heartbeat_goes_where_it_speaks_for(topic: Any) -> None:
    beat = SourceHeartbeat(topic=topic, covers_from=NOON, covers_until=NOON, time_precision="day")
    assert topic_of(beat) == topic


@pytest.mark.parametrize(
    ("data", "key"),
    [
        (EnforcementAction(action_id="a1"), "enforcement.action"),
        (EnforcementAction(action_id="a1", action_type="WARNING"), "WARNING"),
        (EnforcementAction(action_id="a1", action_type="WARNING", market="DE"), "DE"),
        (EnforcementAction(action_id="a1", market="DE", subject_id="room-1"), "room-1"),
        (EnforcementAction(action_id="a1", subject_id="room-1", shop_id="shop-1"), "shop-1"),
        (EnforcementReversed(action_id="a1", at=NOON), "a1"),
        (AppealLifecycle(appeal_id="p1", state="SUBMITTED", at=NOON), "p1"),
        (AppealLifecycle(appeal_id="p1", action_id="a1", state="SUBMITTED", at=NOON), "a1"),
        (MerchantTicket(ticket_id="t1", opened_at=NOON, state="OPEN"), "t1"),
    ],
)
def test_key_is_the_first_field_that_is_set(data: Contract, key: str) -> None:
    assert data.key() == key


def test_key_fields_exist() -> None:
    for contract in CONTRACTS:
        assert set(contract.key_fields) <= set(contract.model_fields)


@pytest.mark.parametrize(
    ("name", "literal"),
    [
        ("decision_visibility", official.DecisionVisibility),
        ("decision_monetary", official.DecisionMonetary),
        ("decision_provision", official.DecisionProvision),
        ("decision_account", official.DecisionAccount),
        ("account_type", official.AccountType),
        ("decision_ground", official.DecisionGround),
        ("category", official.Category),
        ("v1_only_categories", official.CategoryV1),
        ("category_specification", official.Keyword),
        ("content_type", official.ContentType),
        ("source_type", official.SourceType),
        ("automated_detection", official.YesNo),
        ("automated_decision", official.AutomatedDecision),
        ("incompatible_content_illegal", official.YesNo),
    ],
)
def test_statement_enums_are_the_official_ones(name: str, literal: Any) -> None:
    values = json.loads(shared("dsa_sor_enums_v2.json").read_text(encoding="utf-8"))[name]
    assert get_args(literal) == tuple(values)


def test_statement_has_every_official_column_but_free_text_and_names() -> None:
    columns = json.loads(shared("dsa_sor_enums_v2.json").read_text(encoding="utf-8"))["csv_full_columns"]
    left_out = {"decision_facts", "illegal_content_explanation", "incompatible_content_explanation", "source_identity"}
    assert list(StatementOfReasons.model_fields) == [column for column in columns if column not in left_out]


def test_official_v1_rows_fit() -> None:
    with shared("dsa_sor_rows_2024-03-14_sample.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    statements = [statement(row) for row in rows]
    assert len(statements) == 201
    assert sum(s.platform_name == "TikTok" for s in statements) == 98
    assert sum(s.category == "STATEMENT_CATEGORY_SCOPE_OF_PLATFORM_SERVICE" for s in statements) == 141
    assert (
        sum(s.decision_visibility_other is not None and "LIVE" in s.decision_visibility_other for s in statements) == 6
    )


def statement(row: dict[str, str]) -> StatementOfReasons:
    fields: dict[str, Any] = {}
    for name in StatementOfReasons.model_fields.keys() & row.keys():
        if text := row[name].strip():
            dated = name.startswith("end_date") or name in ("content_date", "application_date", "created_at")
            fields[name] = json.loads(text) if text.startswith("[") else f"{text}Z" if dated else text
    return StatementOfReasons.model_validate_json(json.dumps(fields))


def test_action_types_cover_the_texts_that_are_really_filed() -> None:
    with shared("dsa_action_text_mapping.csv").open(encoding="utf-8", newline="") as file:
        named = {name for row in csv.DictReader(file) for name in row["action_types"].split("|") if name}
    assert len(named) == 15
    assert named <= set(get_args(ActionType))


@pytest.mark.parametrize(
    ("until", "valid"), [("2025-06-01", True), ("2025-07-02", True), ("2025-07-03", False), ("2025-05-31", False)]
)
def test_a_heartbeat_covers_an_interval_of_at_most_31_days(until: str, valid: bool) -> None:
    body = {"topic": "live.rooms", "covers_from": "2025-06-01T00:00:00Z", "covers_until": f"{until}T00:00:00Z"}
    if valid:
        SourceHeartbeat.model_validate_json(json.dumps(body))
    else:
        with pytest.raises(ValidationError, match="31 days"):
            SourceHeartbeat.model_validate_json(json.dumps(body))
