"""Partials and seals as JSON records."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.aggregate.change import Change
from models.aggregate.partial import Message, Notice, Partial, Seal, from_dict, to_dict

names = st.text(min_size=1, max_size=20)
rows = st.tuples(
    st.lists(st.text(max_size=10), max_size=3).map(tuple),
    st.integers(0, 2**62),
    st.integers(0, 2**62),
    st.text(max_size=10),
)
messages: st.SearchStrategy[Message] = st.one_of(
    st.builds(
        Partial,
        names,
        names,
        st.integers(0, 99),
        names,
        names,
        st.integers(0, 2**45),
        st.integers(0, 9),
        st.lists(rows).map(tuple),
        st.sampled_from(["sums", "leaves", "exposure"]),
    ),
    st.builds(
        Notice,
        names,
        names,
        st.integers(0, 99),
        st.builds(
            Change, st.integers(0, 2**45), names, names, names, names, markets=st.sampled_from([(), ("DE", "FR")])
        ),
    ),
    st.builds(Seal, names, names, st.integers(0, 99), st.integers(1, 99), st.integers(0, 2**45), st.booleans()),
)


@given(messages)
def test_what_is_written_reads_back(message: Message) -> None:
    assert from_dict(orjson.loads(orjson.dumps(to_dict(message)))) == message


SEAL = to_dict(Seal("g", "t", 0, 1, 1000))


PARTIAL = Partial("g", "t", 0, "m", "c", 0, 0, ())


def test_what_an_older_worker_knows_keeps_its_version() -> None:
    versions = [
        to_dict(message)["v"]
        for message in (
            PARTIAL,
            Seal("g", "t", 0, 1, 1000),
            replace(PARTIAL, role="leaves"),
            Notice("g", "t", 0, CHANGE),
        )
    ]
    assert versions == [1, 1, 2, 2]
    assert "role" not in to_dict(PARTIAL)


CHANGE = Change(0, "c", "CONFIG", "")


@pytest.mark.parametrize(
    ("record", "error"),
    [
        ({}, ValueError),
        (to_dict(replace(PARTIAL, role="leaves")) | {"role": "roots"}, ValueError),
        (to_dict(Notice("g", "t", 0, CHANGE)) | {"change": {"at_ms": 0}}, KeyError),
        (to_dict(Notice("g", "t", 0, CHANGE)) | {"change": {"at_ms": 0, "markets": [], "action_types": []}}, TypeError),
        (SEAL | {"v": 3}, ValueError),
        ({key: value for key, value in SEAL.items() if key != "of"}, KeyError),
        ({key: value for key, value in SEAL.items() if key != "seal"}, KeyError),
    ],
)
def test_other_records_are_refused(record: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        from_dict(record)
