"""The files of a package that are written for people: how to check it, why it is thought to have happened,
the queries.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sinks.evidence.manifest import File
from sinks.present import explanation, wording
from sinks.store.records import AlertRecord

_README = """\
EVIDENCE OF CASE {case_id}
{title}

This package holds what the case rests on, as it was read from ClickHouse at
{created_at}. It was built by livewarden {version}.

CHECK IT, with nothing but sha256sum
  1. unzip FILE.evidence.zip -d somewhere; cd somewhere
  2. sha256sum --check --strict manifest.sha256      (on macOS: shasum -a 256 -c)
     Every line must say OK, and no file may be there that is not on the list.
  3. sha256sum manifest.json
     must print the digest that was noted when the package was built. Whoever
     replaces a file and all hashes with it is found by this step alone.
  Where livewarden is installed, this does all of it, and looks at every other
  byte of the archive too:  livewarden evidence verify FILE --digest DIGEST

WHAT IS IN IT
{files}

Times are UTC. manifest.json says of every file which query it came from;
queries.sql has all of them. A score is about -log10 of the chance to see
something this unusual in a normal bucket: larger is stranger.
CSV files hold what events and people said, as it was said. A spreadsheet may
take a text that begins with = for a formula: import such columns as text.

REDACTED
{redacted}

LIMITS
{limits}

WHAT IT DOES NOT PROVE
That nothing was wrong before it was built: it shows what ClickHouse held. That
it was built when it says: note its digest where time is kept by others.
"""


def readme(
    *,
    case: Mapping[str, Any],
    created_at: str,
    version: str,
    files: Iterable[File],
    redacted: Sequence[str],
    limits: Sequence[str],
) -> bytes:
    """The first file to read, as plain text."""
    listed = [f"  {file.path}\n{_wrapped(file.what, '      ')}" for file in files]
    return _README.format(
        case_id=case["case_id"],
        title=" ".join(case["title"].split()),
        created_at=created_at,
        version=version,
        files="\n".join(listed),
        redacted="\n".join(_wrapped(line, "- ") for line in redacted) or "Nothing.",
        limits="\n".join(_wrapped(line, "- ") for line in limits) or "None that applied.",
    ).encode("utf-8", "replace")


def explained(alerts: Sequence[Mapping[str, Any]], titles: Mapping[str, str]) -> bytes:
    """Every alert in a sentence and what is known of its cause, as Markdown. `alerts` have instants in ms."""
    parts = [
        "# Why it is thought to have happened\n\nAs it was explained when the alerts were raised. Times are UTC.\n"
    ]
    for number, row in enumerate(alerts, start=1):
        alert = AlertRecord(**{name: row[name] for name in AlertRecord.model_fields})
        notified = explanation.read(_stored(row["explanation"]))
        onset = notified.onset_ms if notified is not None else None
        what = titles.get(alert.monitor, alert.monitor)
        parts.append(f"## {number}. {_safe(what)}, {_safe(wording.place(alert.series))}\n")
        parts.append(f"{_safe(wording.sentence(alert, what, onset, None))}\n")
        parts.append(f"Alert `{_safe(alert.alert_id)}`, version {alert.version}, {_safe(alert.severity)}.\n")
        parts.append("\n".join(_cause(notified)) + "\n" if notified is not None else "It was not explained.\n")
    return "\n".join(parts).encode("utf-8", "replace")


def queries(files: Iterable[File], redacted: bool) -> bytes:
    """Every query, each after the names of the files that hold its result."""
    head = "-- The queries that the files of this package are the results of. Run one with `livewarden sql -`.\n"
    if redacted:
        head += (
            "-- They read what is stored. Ids stand in them as pseudonyms, so put the id in their place to run "
            "such a one.\n"
        )
    named: dict[str, list[str]] = {}
    for file in files:
        if file.sql is not None:
            named.setdefault(file.sql, []).append(file.path)
    return (head + "".join(f"\n-- {', '.join(names)}\n{sql}\n;\n" for sql, names in named.items())).encode(
        "utf-8", "replace"
    )


def _cause(notified: explanation.Explained) -> list[str]:
    lines = [f"{_safe(notified.text)}\n"] if notified.text else []
    if notified.verdict:
        strength = f" ({notified.strength.lower()})" if notified.strength else ""
        lines.append(f"- verdict: **{_safe(notified.verdict + strength)}**")
    lines += [f"- for it: {_safe(each)}" for each in notified.speaks]
    lines += [f"- against it: {_safe(each)}" for each in notified.against]
    lines += [f"- it might be instead: {_safe(notified.runner_up)}"] if notified.runner_up else []
    for each in notified.causes:
        share = "" if each.share is None else f", {each.share:.0%} of the deviation"
        lines.append(f"- carried by {_safe(wording.place(each.slice))}{share}")
    return lines or [
        "None of the dimensions that were looked at explains it." if notified.none else "No cause is stored."
    ]


def _stored(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _wrapped(text: str, first: str) -> str:
    return textwrap.fill(text, 80, initial_indent=first, subsequent_indent=" " * len(first), break_long_words=False)


def _safe(text: str) -> str:
    """Text that Markdown shows as text, on one line."""
    plain = " ".join(str(text).split())
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>#|!" else letter for letter in plain)
