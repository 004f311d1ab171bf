"""A response file: TOML text to the policy, with every mistake named by its line."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from pydantic import BaseModel, ValidationError

from livewarden.config_file import Lines, Problem, read_toml, sentence
from livewarden.errors import PolicyError
from models.clocks.calendar import BusinessCalendar
from models.clocks.duty import Chain, Duty
from models.monitors.monitor import Monitor
from models.response.conditions import mistakes
from models.response.policy import ChannelConfig, Policy, Route, between
from models.response.template import CaseTemplate

_TABLES: Mapping[str, type[BaseModel]] = {
    "channel": ChannelConfig,
    "route": Route,
    "calendar": BusinessCalendar,
    "duty": Duty,
    "chain": Chain,
    "template": CaseTemplate,
}


def parse_policy(text: str, name: str = "response", monitors: Collection[Monitor] | None = None) -> Policy:
    """The policy that a TOML text says; an empty text says nothing, and everything has its default.

    Raises PolicyError with *every* mistake, each with its line; `name` is how the file is called in the message. What a
    mistake says never holds the value of `url_from`.

    >>> parse_policy('group_interval = "10m"').group_interval
    600000
    """
    try:
        tree = read_toml(text)
    except ValueError as error:
        raise PolicyError(name, [str(error)]) from None
    try:
        policy = Policy.model_validate(tree)
        wrong = [] if monitors is None else list(_of_conditions(Lines(text), policy, monitors))
        if wrong:
            raise PolicyError(name, wrong)
        return policy
    except ValidationError as error:
        problems: list[Problem] = [
            (found["loc"], found["type"], found["msg"]) for found in error.errors() if found["loc"]
        ]
    lines = Lines(text)
    found = [_mistake(lines, problem) for problem in problems]
    found += [(lines.of(loc), text) for loc, text in between(tree)]
    raise PolicyError(name, [f"line {number}: {text}" for number, text in sorted(found)])


def _of_conditions(lines: Lines, policy: Policy, monitors: Collection[Monitor]) -> Iterator[str]:
    for index, route in enumerate(policy.routes):
        for text in mistakes(route.match, monitors):
            yield f"line {lines.of(('route', index, 'match'))}: match: {text}"


def _mistake(lines: Lines, problem: Problem) -> tuple[int, str]:
    """A list of tables is notified by its line, so `to` says more than `route.3.to`."""
    loc, kind, text = problem
    text = text.replace("Tuple should", "A list should").replace("valid tuple", "valid list")
    if len(loc) > 1 and isinstance(loc[1], int):
        return sentence(lines, loc[:2], _TABLES[str(loc[0])], (loc[2:], kind, text))
    return sentence(lines, (), Policy, (loc, kind, text))
