"""The marts for other tools: an Open Semantic Interchange file, and a dashboard of Grafana."""

from __future__ import annotations

from typing import Any, Final

from sinks.store.marts import DATE_COLUMNS, DIMENSIONS, FACTS, METRICS, MartMetric

_SOURCE: Final = {"type": "grafana-clickhouse-datasource", "uid": "clickhouse"}
_WIDTH: Final = 8
_HEIGHT: Final = 7


def semantic_model(database: str = "livewarden") -> dict[str, Any]:
    """The marts in the form of Open Semantic Interchange, core specification 1.0: datasets, relationships, metrics.

    >>> [each["name"] for each in semantic_model()["semantic_model"][0]["metrics"]][:2]
    ['measures', 'appeals']
    """
    facts = [
        {
            "name": fact.name,
            "source": f"{database}.{fact.name}",
            "primary_key": list(fact.key),
            "description": f"One row is {fact.grain}",
            "fields": [_field(name, text, name == "date_key") for name, text in fact.columns.items()],
        }
        for fact in FACTS.values()
    ]
    dimensions = [
        {
            "name": f"dim_{name}",
            "source": f"{database}.dim_{name}",
            "primary_key": [f"{name}_key"],
            "description": text,
            "fields": [
                _field(column, meaning, column == "date_key")
                for column, meaning in (DATE_COLUMNS if name == "date" else {f"{name}_key": text}).items()
            ],
        }
        for name, text in DIMENSIONS.items()
    ]
    relationships = [
        {
            "name": f"{fact.name}_to_{name}",
            "from": fact.name,
            "to": f"dim_{name}",
            "from_columns": [f"{name}_key"],
            "to_columns": [f"{name}_key"],
        }
        for fact in FACTS.values()
        for name in fact.dimensions
    ]
    metrics = [
        {"name": each.name, "expression": _expression(each.expression), "description": each.meaning}
        for each in METRICS.values()
    ]
    model = {"name": "livewarden", "description": "Enforcement, appeals, alerts, cases and tickets of LIVE shopping"}
    parts = {"datasets": [*facts, *dimensions], "relationships": relationships, "metrics": metrics}
    return {"semantic_model": [model | parts]}


def dashboard() -> dict[str, Any]:
    """A dashboard of Grafana with a panel for each metric, by day."""
    panels = [_panel(number, metric) for number, metric in enumerate(METRICS.values())]
    link: dict[str, Any] = {"title": "livewarden", "type": "dashboards", "tags": ["livewarden"], "asDropdown": False}
    link |= {"includeVars": False, "keepTime": True, "targetBlank": False, "icon": "external link"}
    return {
        "uid": "livewarden-marts",
        "title": "livewarden: marts",
        "tags": ["livewarden"],
        "timezone": "utc",
        "schemaVersion": 41,
        "version": 1,
        "editable": False,
        "refresh": "",
        "time": {"from": "now-90d", "to": "now"},
        "annotations": {"list": []},
        "links": [link | {"tooltip": "", "url": ""}],
        "templating": {"list": []},
        "panels": panels,
    }


def daily(metric: MartMetric) -> str:
    """A metric by day, as SQL of ClickHouse."""
    return (
        f"SELECT date_key AS time, {metric.expression.replace(f'{metric.fact}.', '')} AS {metric.name}"
        f" FROM {metric.fact} WHERE $__timeFilter(date_key) GROUP BY time ORDER BY time"
    )


def _panel(number: int, metric: MartMetric) -> dict[str, Any]:
    target: dict[str, Any] = {"refId": "A", "datasource": _SOURCE, "editorType": "sql", "pluginVersion": "4.20.0"}
    target |= {"queryType": "timeseries", "format": 0, "rawSql": daily(metric)}
    unit = {"unit": "percentunit"} if metric.name.endswith("_share") else {}
    unit = {"unit": "s"} if metric.name.startswith("seconds_") else unit
    return {
        "id": number + 1,
        "title": metric.meaning,
        "type": "timeseries",
        "datasource": _SOURCE,
        "gridPos": {"x": number % 3 * _WIDTH, "y": number // 3 * _HEIGHT, "w": _WIDTH, "h": _HEIGHT},
        "targets": [target],
        "options": {"legend": {"showLegend": False}},
        "fieldConfig": {"defaults": unit, "overrides": []},
    }


def _field(name: str, text: str, is_time: bool) -> dict[str, Any]:
    return {"name": name, "expression": _expression(name), "dimension": {"is_time": is_time}, "description": text}


def _expression(text: str) -> dict[str, Any]:
    return {"dialects": [{"dialect": "ANSI_SQL", "expression": text}]}
