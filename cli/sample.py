"""`livewarden sample`: draw a quality sample, review it blind, report on it, verify it."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.act import Url, login
from cli.common import AsJson, load_settings, naming, print_json, print_table, reading, tracked
from livewarden.clock import SystemClock
from livewarden.contracts import ReviewAudit
from livewarden.errors import InvalidEvent, SetupError
from livewarden.ids import stable_id
from livewarden.times import instant

if TYPE_CHECKING:
    from models.sampling.draw import Drawn
    from models.sampling.plan import SamplePlan
    from models.sampling.review import Review
    from sinks.evidence.sample import SampleFile

app = typer.Typer(help="Quality samples: a second look at measures that were drawn so that nobody could choose them.")
File = Annotated[Path, typer.Argument(metavar="SAMPLE", help="The file that `sample draw` wrote.")]
ReviewsFile = Annotated[
    Path | None, typer.Option("--reviews", help="Reviews: SAMPLE.reviews.jsonl beside it where left out.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace a file that is there.")]
_KEYS = {"r": "RIGHT", "w": "WRONG", "u": "UNCLEAR"}


@app.command("draw")
def draw_(
    source: Annotated[
        list[Path] | None, typer.Argument(metavar="[RECORDING]…", help="Recordings; ClickHouse where left out.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="File to write.")] = Path("quality.sample.zip"),
    name: Annotated[str, typer.Option("--name", help="Name of the sample.")] = "quality",
    seed: Annotated[str, typer.Option("--seed", help="The same seed and frame give the same sample anywhere.")] = "1",
    size: Annotated[int, typer.Option("--size", min=1, help="Measures to draw.")] = 400,
    simple: Annotated[float, typer.Option(min=0, max=1, help="Share drawn from everything alike.")] = 0.15,
    golden: Annotated[
        Path | None, typer.Option(help='JSON object of measures whose verdict is known: {"id": "WRONG"}.')
    ] = None,
    url: Url = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Draw measures for a second look: a plan that is hashed first, strata of policy, queue and automation, by SHA-256.

    Note the digests that it prints somewhere else: they stand for the plan and for every byte of the file.

    Example: livewarden sample draw months.jsonl.gz --size 200 --seed 2026-W11 --out w11.sample.zip
    """
    from models.sampling.draw import draw
    from models.sampling.plan import SamplePlan
    from sinks.evidence.sample import SampleFile

    frame = _recorded(source) if source else asyncio.run(_stored(url))
    if not frame:
        raise SetupError("no measure is known: there is nothing to draw from")
    known = _golden(golden)
    described = f"all measures in force of {naming([str(each) for each in source]) if source else 'ClickHouse'}"
    plan = SamplePlan(sample_id=name, seed=seed, frame=described, size=size, simple=simple, golden=known)
    sample = draw(plan, {each: stratum for each, stratum in frame.items() if each not in known})
    rows = [(each.action_id, each.stratum, repr(each.probability)) for each in sample]
    digest = SampleFile(plan.to_bytes(), sorted(frame.items()), rows).write(out, force=force)
    if as_json:
        print_json({"file": str(out), "plan": plan.digest, "digest": digest, "frame": len(frame), "drawn": len(sample)})
        return
    print(f"plan    {plan.digest}\nfile    {digest}\n{len(sample):,} of {len(frame):,} measures in {out}")


@app.command()
def review(
    sample: File,
    who: Annotated[str | None, typer.Option("--as", help="Pseudonym of the reviewer; login name if left out.")] = None,
    adjudicate: Annotated[
        bool, typer.Option("--adjudicate", help="Settle items on which reviewers differ, and nothing else.")
    ] = False,
    policy: Annotated[str | None, typer.Option("--policy-version", help="Version of the policy applied.")] = None,
    reviews: ReviewsFile = None,
) -> None:
    """Give verdicts, one key an item: r right, w wrong, u unclear, q leaves. What was said is kept after every key.

    Blind: it shows the id of the measure only, golden items among the others. Verdicts are events (`review.audit`),
    so the file can be fed to the workers too.

    Example: livewarden sample review w11.sample.zip --as rev-9a02
    """
    plan, drawn, _ = _open(sample)
    path = reviews or _beside(sample)
    reviewer = who or login()
    items = _to_do(plan, drawn, _reviews(path), reviewer, adjudicate)
    done = 0
    for number, item in enumerate(items, start=1):
        print(f"{number} of {len(items)}  {item}  [r]ight [w]rong [u]nclear [q]uit ", end="", flush=True)
        answer = sys.stdin.readline().strip().lower()
        print()
        if answer in ("q", ""):
            break
        if answer not in _KEYS:
            raise SetupError(f"{answer!r} is no verdict: r, w, u or q; {done} were kept")
        _keep(path, plan, item, reviewer, _KEYS[answer], policy, adjudicate)
        done += 1
    print(f"{done} reviewed, {len(items) - done} left")


@app.command("report")
def report_(
    sample: File,
    reviews: ReviewsFile = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Close the sample: one sealed file with its reviews.")
    ] = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """What may be said: precision with intervals, agreement, golden items, corrected for the reviewers' own errors.

    Example: livewarden sample report w11.sample.zip --out w11.closed.zip
    """
    from dataclasses import replace

    from sinks.evidence.sample import to_json

    plan, drawn, file = _open(sample)
    path = reviews or _beside(sample)
    said = file.reviews or (path.read_bytes() if path.exists() else b"")
    found = _report(plan, drawn, said)
    digest = replace(file, reviews=said, report=to_json(found)).write(out, force=force) if out else None
    if as_json:
        print_json(found | ({"file": str(out), "digest": digest} if out else {}))
        return
    _print_report(found)
    if out:
        print(f"\nclosed  {digest}  {out}")


@app.command()
def verify(
    sample: File,
    digest: Annotated[str | None, typer.Option(help="The digest noted when it was drawn or closed.")] = None,
    plan: Annotated[str | None, typer.Option("--plan", help="The digest of the plan noted before the draw.")] = None,
    as_json: AsJson = False,
) -> int:
    """Check that a sample is what the plan draws from the frame, byte for byte, and that its report is what the
    reviews say.

    Example: livewarden sample verify w11.closed.zip --digest 3f0c…
    """
    from sinks.evidence.sample import read_sample

    file, problems = read_sample(sample)
    made = _plan(file.plan, sample)
    if digest is not None and digest.strip().lower() != file.digest:
        problems.append(f"its digest is {file.digest}: it is another file than the one noted")
    if plan is not None and plan.strip().lower() != made.digest:
        problems.append(f"its plan has the digest {made.digest}: it is another plan than the one noted")
    problems += _redrawn(made, file)
    if as_json:
        print_json({"intact": not problems, "problems": problems, "plan": made.digest, "digest": file.digest})
    else:
        print("\n".join(problems) if problems else f"intact: {len(file.draw):,} measures, as the plan draws them")
    return 1 if problems else 0


def _redrawn(plan: SamplePlan, file: SampleFile) -> list[str]:
    from models.sampling.draw import draw
    from sinks.evidence.sample import to_json

    again = draw(plan, {each: stratum for each, stratum in file.frame if each not in plan.golden})
    problems = []
    if [(each.action_id, each.stratum, repr(each.probability)) for each in again] != list(file.draw):
        problems.append("the draw is not what the plan draws from the frame: measures were swapped after it")
    if file.report and to_json(_report(plan, again, file.reviews)) != file.report:
        problems.append("the report is not what the reviews say")
    return problems


def _report(plan: SamplePlan, drawn: list[Drawn], said: bytes) -> dict[str, Any]:
    from models.sampling.review import Reviews, report

    return report(plan, drawn, Reviews.of(_parsed(said)))


def _print_report(found: dict[str, Any]) -> None:
    precision, agreed, corrected = found["precision"], found["agreement"], found["corrected"]
    print(f"sample {found['sample']}: {found['reviewed']} of {found['drawn']} reviewed, {found['disputed']} disputed")
    if precision is None:
        print("nothing can be said yet")
        return
    low, high = precision["wilson"]
    exact = precision["clopper_pearson"]
    print(
        f"precision  {precision['share']:.1%}  (Wilson {low:.1%} to {high:.1%}; exact {exact[0]:.1%} to {exact[1]:.1%})"
    )
    if agreed is not None:
        alpha = "undefined" if agreed["alpha"] is None else f"{agreed['alpha']:.2f}"
        print(f"agreement  {agreed['raw']:.2f} raw, alpha {alpha}, AC1 {agreed['ac1']:.2f} on {agreed['items']} items")
    wrong = corrected["wrong"]
    print(f"corrected  {f'{wrong:.1%} wrong' if wrong is not None else 'not: ' + corrected['refused']}\n")
    rows = [(each["stratum"], each["drawn"], each["reviewed"], each["wrong"]) for each in found["strata"]]
    print_table(("stratum", "drawn", "reviewed", "wrong"), rows, right=("drawn", "reviewed", "wrong"))


def _open(path: Path) -> tuple[SamplePlan, list[Drawn], SampleFile]:
    from models.sampling.draw import Drawn
    from sinks.evidence.sample import read_sample

    file, problems = read_sample(path)
    if problems:
        raise SetupError(f"{path}: {problems[0]}")
    return _plan(file.plan, path), [Drawn(id_, stratum, float(chance)) for id_, stratum, chance in file.draw], file


def _plan(data: bytes, path: Path) -> SamplePlan:
    from models.sampling.plan import SamplePlan

    try:
        return SamplePlan.from_json(json.loads(data))
    except (TypeError, ValueError) as error:
        raise SetupError(f"{path}: its plan is none that this version can read: {error}") from error


def _to_do(plan: SamplePlan, drawn: list[Drawn], said: list[Review], reviewer: str, adjudicate: bool) -> list[str]:
    from models.sampling.draw import serving_order
    from models.sampling.review import Reviews

    if adjudicate:
        return Reviews.of(said).disputed()
    done = {each.action_id for each in said if each.reviewer == reviewer and not each.adjudicates}
    return [item for item in serving_order(plan, drawn) if item not in done]


def _keep(
    path: Path, plan: SamplePlan, item: str, reviewer: str, verdict: str, policy: str | None, adjudicates: bool
) -> None:
    from sources.codec import event_of, to_line

    now = SystemClock().now_ms()
    data = ReviewAudit(
        sample_id=plan.sample_id,
        action_id=item,
        reviewer=reviewer,
        verdict=verdict,
        golden=item in plan.golden,
        adjudicates=adjudicates,
        policy_version=policy,
        at=instant(now),
    )
    id_ = stable_id("review", plan.digest, item, reviewer, adjudicates, now)
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(to_line(event_of(data, id=id_, source="urn:livewarden:review", time_ms=now)) + "\n")
    except OSError as error:
        raise SetupError(f"{path}: {error.strerror}") from error


def _reviews(path: Path) -> list[Review]:
    return _parsed(path.read_bytes()) if path.exists() else []


def _parsed(said: bytes) -> list[Review]:
    from models.sampling.review import Review
    from sources.codec import from_line

    found = []
    for number, line in enumerate(said.splitlines(), start=1):
        try:
            data = from_line(line).data
        except InvalidEvent as error:
            raise SetupError(f"reviews, line {number}: {error}") from error
        if isinstance(data, ReviewAudit):
            found.append(Review(data.action_id, data.reviewer, data.verdict, data.adjudicates))
    return found


def _golden(path: Path | None) -> dict[str, str]:
    if path is None:
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SetupError(f"{path}: {error}") from error
    if not isinstance(found, dict) or not set(found.values()) <= {"RIGHT", "WRONG"}:
        raise SetupError(f'{path}: a JSON object of measures and RIGHT or WRONG, such as {{"ea-1": "WRONG"}}')
    return found


def _beside(sample: Path) -> Path:
    return sample.with_name(f"{sample.name.removesuffix('.zip')}.reviews.jsonl")


def _recorded(source: list[Path]) -> dict[str, str]:
    from models.misjudgement.join import Joined
    from sources.merge import read_all

    joined = Joined()
    for event in tracked(read_all(source), naming([str(path) for path in source])):
        joined.add(event.data, event.time_ms)
    return {
        action_id: stratum(measure.cell.policy, measure.cell.queue, measure.cell.automation)
        for action_id, measure in joined.measures.items()
    }


async def _stored(url: str | None) -> dict[str, str]:
    from sinks.queries.misjudgement import frame

    async with reading(load_settings(), url) as reader:
        return {each.action_id: stratum(each.policy, each.queue, each.automation) for each in await frame(reader)}


def stratum(policy: str | None, queue: str | None, automation: str | None) -> str:
    """The name of a stratum."""
    return " · ".join(part or "?" for part in (policy, queue, automation))
