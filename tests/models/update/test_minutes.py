"""Minutes of a meeting, line by line."""

from __future__ import annotations

from models.update.minutes import Minute, minutes

TEXT = """# Meeting
- c9: not below a heading that counts

## Decisions
- c1: the rule stays as it is
None.

## Actions
- [ ] c2: undo the rollout: all of it @ben 2026-03-09
* c3: ask the partner
and a line that is none
"""


def test_decisions_and_actions_are_read_and_a_line_that_is_neither_is_a_mistake() -> None:
    found, mistakes = minutes(TEXT)
    assert found == [
        Minute(5, "decision", "c1", "the rule stays as it is"),
        Minute(9, "action", "c2", "undo the rollout: all of it", "ben", "2026-03-09"),
        Minute(10, "action", "c3", "ask the partner"),
    ]
    assert [each.partition(":")[0] for each in mistakes] == ["line 11"]


def test_the_same_line_about_the_same_case_has_one_id() -> None:
    one, other = Minute(5, "action", "c1", "undo"), Minute(9, "action", "c1", "undo", "ben")
    assert one.action_id("c1-whole") == other.action_id("c1-whole") != one.action_id("c2-whole")
