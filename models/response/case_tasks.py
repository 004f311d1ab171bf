"""What people do to the tasks of a case."""

from __future__ import annotations

from livewarden.action import AddTask, FinishTask
from livewarden.times import to_ms
from models.response.casefile import CaseFile, Task
from models.response.rejected import Rejected


def add_task(case: CaseFile, action: AddTask) -> None:
    """Put a task into a case; Rejected where it is closed, or has one of that id."""
    if case.state == "closed":
        raise Rejected("the case is closed: open it again first")
    if any(task.task_id == action.task_id for task in case.tasks):
        raise Rejected("there is a task of that id")
    due = None if action.due_at is None else to_ms(action.due_at)
    case.tasks.append(Task(action.task_id, action.text, action.owner, due))


def finish_task(case: CaseFile, action: FinishTask, now_ms: int) -> Task:
    """The task, done now or said to be not necessary.

    Rejected where there is none, it is done, or an answer, a place or a reason is missing.
    """
    task = next((task for task in case.tasks if task.task_id == action.task_id), None)
    if task is None:
        raise Rejected("the case has no such task")
    if task.done_ms is not None:
        raise Rejected(f"{task.done_by} has done it already")
    if action.unnecessary and not action.why:
        raise Rejected("say why it is not necessary")
    if task.kind != "task" and not action.why:
        raise Rejected("say the answer" if task.kind == "question" else "say where the evidence is")
    task.done_by, task.done_ms = action.who, now_ms
    task.answer, task.unnecessary = action.why, action.unnecessary
    return task
