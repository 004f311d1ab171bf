"""What a reader of the embedded ClickHouse may ask: read tables, and nothing that leaves the engine.

The engine's own `readonly = 1` refuses writes, DDL, settings and most table functions. It still writes files for
`INTO OUTFILE` and reads them through the scalar function `file` (chDB is clickhouse-local underneath), so a reader's
statement is first put into the engine's canonical form, judged there, and *that* form is what runs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from sinks.embedded.engine import Engine, QueryFailed, Session

LIMITS: Mapping[str, str] = {
    "max_execution_time": "60",
    "max_memory_usage": str(4 << 30),
    "max_query_size": str(1 << 20),
    "max_threads": str(max(1, (os.cpu_count() or 1) // 4)),
}
"""Settings of every reader's session: seconds, bytes, bytes, threads."""

_STATEMENTS = frozenset({"SELECT", "WITH", "SHOW", "DESCRIBE", "EXPLAIN", "EXISTS", "USE"})
# Not every harmless-looking name is: format_schema and format_template_* read files, output_format_schema writes one.
_SETTABLE = re.compile(
    r"max_\w+|(result|read|timeout)_overflow_mode|join_\w+|date_time_\w+|http_\w+"
    r"|output_format_(json|csv|tsv|pretty|xml|native|arrow|parquet|decimal|bool|write_statistics)\w*"
    r"|final|limit|offset|extremes|session_timezone|log_comment|enable_http_compression|send_progress_in_http_headers"
    r"|cancel_http_readonly_queries_on_client_close|cast_string_to_dynamic_use_inference"
)
_TABLE_FUNCTIONS = frozenset(
    [
        "numbers",
        "numbers_mt",
        "zeros",
        "zeros_mt",
        "generateseries",
        "generate_series",
        "generaterandom",
        "primes",
        "view",
        "viewifpermitted",
        "null",
        "values",
        "sqlstandardvalues",
        "merge",
    ]
)
_LITERAL = re.compile(r"'(?:[^'\\]|\\.)*'", re.DOTALL)
_WORD = re.compile(r"\w+")
_CALL = re.compile(r"(\w+)[`\"]?\s*\(")


class Guard:
    """Judges readers' statements for one engine.

    A function may be named without parentheses (`APPLY file`, `arrayMap(file, …)`), so names of functions that reach
    outside are refused wherever they stand; a column of that name would be refused too.
    """

    def __init__(self, engine: Engine) -> None:
        session = engine.session()
        try:
            table_functions = _names(session, "SELECT name FROM system.table_functions")
            outside = _names(session, "SELECT name FROM system.functions WHERE name ILIKE 'ai%' AND name != 'ainfo'")
        finally:
            session.close()
        self._calls = table_functions - _TABLE_FUNCTIONS
        self._words = outside | {"outfile", "file", "python", "executable", "eval", "arrowstream", "catboostevaluate"}

    def admit(self, session: Session, sql: str, settings: Mapping[str, str]) -> str:
        """Make `session` read-only under `settings` and the limits; return the form of `sql` that may run in it."""
        for name in settings:
            if name != "readonly" and not _SETTABLE.fullmatch(name):
                raise QueryFailed(f"Cannot modify '{name}' setting in readonly mode. (READONLY)", 164)
        escaped = sql.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
        form = (
            session.run("SELECT formatQuerySingleLine({sql:String})", "TSVRaw", {"sql": escaped}).body.decode().strip()
        )
        bare = _LITERAL.sub("''", form)
        words = [word.lower() for word in _WORD.findall(bare)]
        if not words or words[0].upper() not in _STATEMENTS:
            raise QueryFailed("Cannot execute query in readonly mode. (READONLY)", 164)
        refused = self._words.intersection(words) or self._calls.intersection(
            name.lower() for name in _CALL.findall(bare)
        )
        if refused:
            raise QueryFailed(f"{min(refused)}: not for readers of the embedded ClickHouse. (ACCESS_DENIED)", 497)
        session.apply({**{name: value for name, value in settings.items() if name != "readonly"}, **_limits(settings)})
        session.apply({"readonly": "1"})
        return form


def _limits(settings: Mapping[str, str]) -> dict[str, str]:
    asked = {name: settings[name] for name in LIMITS if settings.get(name, "").isdigit()}
    return {name: asked[name] if 0 < int(asked.get(name, "0")) < int(most) else most for name, most in LIMITS.items()}


def _names(session: Session, sql: str) -> set[str]:
    return {line.lower() for line in session.run(sql, "TSVRaw").body.decode().split()}
