"""The contracts as others read them: one JSON Schema a contract, one for people's actions, one AsyncAPI document for
all topics.

The files are generated from the models and kept in the repository, where a partner can read them without installing
anything; a test holds them equal.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from pydantic.json_schema import models_json_schema

from livewarden.action import ACTION
from livewarden.contracts import AGGREGATES, CONTRACTS, TOPICS, Contract, SourceHeartbeat

DRAFT = "https://json-schema.org/draft/2020-12/schema"
ASYNCAPI = "asyncapi.json"
ACTIONS = "action.v1.schema.json"

Json = dict[str, Any]

_TOPIC_MEANINGS = {
    "live.traffic": "Audience, sales and playback quality of LIVE rooms, in windows of seconds.",
    "live.rooms": "LIVE rooms starting, pausing, ending.",
    "live.enforcement": "Measures against rooms, products, shops and accounts, and their reversals.",
    "live.appeals": "Appeals against measures.",
    "live.tickets": "Merchants' support tickets.",
    "live.changes": "Changes of the platform itself.",
    "live.aggregates": "Events of any type whose time is known to the hour or the day only.",
}


def json_schema(contract: type[Contract]) -> Json:
    """The JSON Schema (draft 2020-12) of a contract's body, complete in itself.

    >>> from livewarden.contracts import RoomLifecycle
    >>> json_schema(RoomLifecycle)["required"]
    ['room_id', 'state']
    """
    urn = f"urn:livewarden:{contract.type_name}:v{contract.schema_version}"
    return {"$schema": DRAFT, "$id": urn} | contract.model_json_schema() | {"title": contract.ce_type()}


def action_schema() -> Json:
    """The JSON Schema (draft 2020-12) of what people do: any one of the actions, `do` says which.

    >>> sorted(action_schema()["discriminator"]["mapping"])[:3]
    ['acknowledge', 'add_entry', 'add_evidence']
    """
    return (
        {"$schema": DRAFT, "$id": "urn:livewarden:action:v1"} | ACTION.json_schema() | {"title": "livewarden.action.v1"}
    )


def asyncapi() -> Json:
    """The AsyncAPI 3.0 document: a channel a topic, a message a contract,
    with its CloudEvents headers and Kafka key.
    """
    _, bodies = models_json_schema(
        [(contract, "validation") for contract in CONTRACTS], ref_template="#/components/schemas/{model}"
    )
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "livewarden events",
            "version": f"{max(contract.schema_version for contract in CONTRACTS)}.0.0",
            "description": (
                "CloudEvents 1.0 on Kafka, binary mode: attributes in ce_ headers, the body as JSON in the value."
            ),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {topic: _channel(topic) for topic in TOPICS},
        "operations": {
            f"read.{topic}": {"action": "receive", "channel": {"$ref": f"#/channels/{topic}"}} for topic in TOPICS
        },
        "components": {
            "messages": {contract.type_name: _message(contract) for contract in CONTRACTS},
            "schemas": bodies["$defs"],
        },
    }


@cache
def documents() -> dict[str, str]:
    """Every generated file: name to text."""
    named = {f"{c.type_name}.v{c.schema_version}.schema.json": json_schema(c) for c in CONTRACTS} | {
        ACTIONS: action_schema(),
        ASYNCAPI: asyncapi(),
    }
    return {name: json.dumps(document, indent=2, ensure_ascii=False) + "\n" for name, document in named.items()}


def write(directory: Path) -> list[Path]:
    """Write every file into `directory`, made where it is missing.

    Files of contracts that are no more stay: `differences` names them.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in documents().items():
        (directory / name).write_text(text, encoding="utf-8")
    return [directory / name for name in documents()]


def differences(directory: Path) -> list[str]:
    """What `directory` has otherwise than the models: a sentence a file, none where all is equal.

    >>> differences(Path("nowhere"))[0]
    'traffic.sample.v1.schema.json is missing'
    """
    found = {path.name: path.read_text(encoding="utf-8") for path in sorted(directory.glob("*.json"))}
    said = [f"{name} is missing" for name in documents() if name not in found]
    said += [f"{name} differs from its contract" for name, text in documents().items() if found.get(name, text) != text]
    return said + [f"{name} has no contract" for name in found if name not in documents()]


def _channel(topic: str) -> Json:
    of_topic = [c for c in CONTRACTS if c is SourceHeartbeat or topic in (AGGREGATES, c.topic)]
    return {
        "address": topic,
        "description": _TOPIC_MEANINGS[topic],
        "messages": {c.type_name: {"$ref": f"#/components/messages/{c.type_name}"} for c in of_topic},
        "bindings": {"kafka": {"topic": topic, "bindingVersion": "0.5.0"}},
    }


def _message(contract: type[Contract]) -> Json:
    keys = ", else ".join(contract.key_fields)
    return {
        "name": contract.ce_type(),
        "title": contract.type_name,
        "summary": (contract.__doc__ or "").partition("\n")[0],
        "contentType": "application/json",
        "headers": {
            "type": "object",
            "required": ["ce_id", "ce_source", "ce_type", "ce_time"],
            "properties": {
                "ce_specversion": {"type": "string", "const": "1.0"},
                "ce_id": {"type": "string", "minLength": 1, "description": "The event; unique with its source."},
                "ce_source": {"type": "string", "minLength": 1, "description": "The producer, a URI reference."},
                "ce_type": {"type": "string", "const": contract.ce_type()},
                "ce_time": {"type": "string", "format": "date-time", "description": "Event time, RFC 3339."},
                "content-type": {"type": "string", "const": "application/json"},
            },
        },
        "payload": {"$ref": f"#/components/schemas/{contract.__name__}"},
        "bindings": {
            "kafka": {"key": {"type": "string", "description": f"{keys}, else the type."}, "bindingVersion": "0.5.0"}
        },
    }
