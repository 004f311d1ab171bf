"""The generated schemas: committed as generated, agreeing with the models, whole in themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator

from cli.asyncapi import ASYNCAPI, action_schema, asyncapi, differences, documents, json_schema, write
from livewarden.action import ACTION, target_of
from livewarden.contracts import BY_CE_TYPE, CONTRACTS, TOPICS, Contract

ROOT: Final = Path(__file__).parents[2]
EXAMPLES: Final = sorted((ROOT / "examples" / "events").glob("*.json"))
ACTIONS: Final = sorted((ROOT / "examples" / "actions").glob("*.json"))


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from nodes(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from nodes(inner)


def resolve(document: dict[str, Any], ref: str) -> dict[str, Any]:
    """What a local reference points at; KeyError where at nothing."""
    start, *steps = ref.split("/")
    assert start == "#"
    node: Any = document
    for step in steps:
        node = node[step]
    assert isinstance(node, dict)
    return node


def test_committed_as_generated() -> None:
    assert differences(ROOT / "schemas") == []


def test_differences_are_named(tmp_path: Path) -> None:
    assert {path.name for path in write(tmp_path)} == documents().keys()
    assert differences(tmp_path) == []
    (tmp_path / "room.lifecycle.v1.schema.json").write_text("{}")
    (tmp_path / "old.thing.v1.schema.json").write_text("{}")
    (tmp_path / ASYNCAPI).unlink()
    assert differences(tmp_path) == [
        "asyncapi.json is missing",
        "room.lifecycle.v1.schema.json differs from its contract",
        "old.thing.v1.schema.json has no contract",
    ]


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.type_name)
def test_is_json_schema(contract: type[Contract]) -> None:
    Draft202012Validator.check_schema(json_schema(contract))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_obeys_its_schema(path: Path) -> None:
    event = json.loads(path.read_bytes())
    validator = Draft202012Validator(json_schema(BY_CE_TYPE[event["type"]]))
    assert list(validator.iter_errors(event["data"])) == []
    assert list(validator.iter_errors(event["data"] | {"colour": "red"})) == []


def test_asyncapi_refs_resolve() -> None:
    document = asyncapi()
    refs = [node["$ref"] for node in nodes(document) if "$ref" in node]
    assert len(refs) > len(CONTRACTS) + len(TOPICS)
    for ref in refs:
        resolve(document, ref)


def test_asyncapi_has_a_channel_a_topic_and_a_message_a_contract() -> None:
    document = asyncapi()
    assert document["asyncapi"] == "3.0.0"
    assert tuple(channel["address"] for channel in document["channels"].values()) == TOPICS
    messages = document["components"]["messages"]
    assert {message["name"] for message in messages.values()} == BY_CE_TYPE.keys()
    for contract in CONTRACTS:
        payload = resolve(document, messages[contract.type_name]["payload"]["$ref"])
        assert payload["properties"].keys() == contract.model_fields.keys()
    assert document["channels"]["live.rooms"]["messages"].keys() == {"room.lifecycle", "source.heartbeat"}
    assert document["channels"]["live.aggregates"]["messages"].keys() == messages.keys()


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_obeys_the_asyncapi_payload(path: Path) -> None:
    document = asyncapi()
    event = json.loads(path.read_bytes())
    name = BY_CE_TYPE[event["type"]].__name__
    validator = Draft202012Validator(document | {"$ref": f"#/components/schemas/{name}"})
    assert list(validator.iter_errors(event["data"])) == []
    assert list(validator.iter_errors(event["data"] | {"weight": 0})) != []


def test_every_kind_of_action_has_an_example() -> None:
    Draft202012Validator.check_schema(action_schema())
    assert {path.stem for path in ACTIONS} == action_schema()["discriminator"]["mapping"].keys()


@pytest.mark.parametrize("path", ACTIONS, ids=lambda path: path.stem)
def test_an_action_obeys_the_contract_and_its_schema(path: Path) -> None:
    text = path.read_bytes()
    action = ACTION.validate_json(text)
    assert action.do == path.stem
    assert target_of(action)
    assert ACTION.validate_json(ACTION.dump_json(action)) == action
    given, validator = json.loads(text), Draft202012Validator(action_schema())
    assert list(validator.iter_errors(given)) == []
    assert list(validator.iter_errors(given | {"colour": "red"})) != []
    assert list(validator.iter_errors({name: value for name, value in given.items() if name != "who"})) != []
