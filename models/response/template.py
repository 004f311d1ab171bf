"""Templates of cases: what is to be done, answered and gathered in a case of one kind, and by whom."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from models.response.casefile import CaseFile, Task

Line = Annotated[str, StringConstraints(min_length=1, max_length=300, strip_whitespace=True)]
TaskKind = Literal["task", "question", "evidence"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True, validate_by_alias=True)


class TemplateTask(_Part):
    """One thing to do. A mandatory one is done, or said to be not necessary with a reason, before the case closes."""

    text: Line = Field(description="what is to be done")
    role: str = Field(default="", description="the role of the template that does it")
    mandatory: bool = Field(default=True, description="the case does not close without it")


class CaseTemplate(_Part):
    """A template. In the response file it is `[[template]]`.

    A question is done when it is answered, an item of evidence when it is said where it is.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")] = Field(
        description="lower-case words joined by hyphens"
    )
    roles: dict[str, Annotated[str, StringConstraints(min_length=1, max_length=100)]] = Field(
        default_factory=dict, description="who has each role: a person or team"
    )
    tasks: Annotated[tuple[TemplateTask, ...], Field(max_length=100)] = Field(
        default=(), alias="task", description="what is to be done"
    )
    questions: Annotated[tuple[Line, ...], Field(max_length=100)] = Field(
        default=(), description="what is to be answered"
    )
    evidence: Annotated[tuple[Line, ...], Field(max_length=100)] = Field(
        default=(), description="what is to be gathered"
    )

    @model_validator(mode="after")
    def _known_roles(self) -> Self:
        unknown = [each.role for each in self.tasks if each.role and each.role not in self.roles]
        if unknown:
            raise ValueError(f"task: there is no role {unknown[0]!r}")
        return self


def apply_template(case: CaseFile, template: CaseTemplate) -> int:
    """Put what a template asks for into a case, once: ids are made of its name; how many things were new."""
    wanted: list[tuple[TaskKind, str, str | None, bool]] = [
        *(("task", each.text, template.roles.get(each.role), each.mandatory) for each in template.tasks),
        *(("question", each, None, True) for each in template.questions),
        *(("evidence", each, None, True) for each in template.evidence),
    ]
    known = {task.task_id for task in case.tasks}
    new = [
        Task(f"{template.name}-{number}", text, owner, None, kind=kind, mandatory=mandatory)
        for number, (kind, text, owner, mandatory) in enumerate(wanted, start=1)
    ]
    fresh = [task for task in new if task.task_id not in known]
    case.tasks += fresh
    case.template = template.name
    return len(fresh)
