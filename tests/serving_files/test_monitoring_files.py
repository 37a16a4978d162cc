"""Prometheus' and Grafana's files: their structure, and that all metrics in them exist."""

import collections
import json
import pathlib
import re

import promql_parser
import pytest
from serving_manifests import SERVING, container, documents, one

from keras_bert_cls.server.config_messages import read_config_message
from keras_bert_cls.server.monitoring.metrics import ServerMetrics

RUNBOOK = pathlib.Path(__file__).parents[2] / "docs" / "runbook.md"
DASHBOARD = json.loads((SERVING / "monitoring/grafana_dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
STOCK_PREFIX = ":tensorflow:"  # Metrics of tensorflow_model_server; the others are ours.


def alerts():
    (document,) = documents("monitoring/alerts.yaml")
    return {
        rule["alert"]: (group["name"], rule)
        for group in document["groups"]
        for rule in group["rules"]
    }


@pytest.fixture(scope="module")
def series():
    """The names of all time series that a server has."""
    metrics = ServerMetrics(is_model=lambda name: True)
    types = re.findall(r"^# TYPE (\S+) (\w+)$", metrics.page().decode(), re.MULTILINE)
    metrics.close()
    names = {"up"}  # Prometheus' own.
    for name, kind in types:
        suffixes = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
        names |= {name + suffix for suffix in suffixes}
    return names


def selectors(expression):
    """Returns the selectors in a query, whose variables are Grafana's."""
    filled = expression.replace("$__rate_interval", "5m").replace("$model", ".*")
    found = []

    def visit(node):
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)

    promql_parser.walk(promql_parser.parse(filled), visit)
    return found


def names(expression):
    return {selector.name for selector in selectors(expression)}


@pytest.mark.parametrize("alert", alerts())
def test_alerts(alert, series):
    group, rule = alerts()[alert]
    assert set(rule) - {"for"} == {"alert", "expr", "labels", "annotations"}
    assert re.fullmatch(r"\d+[mh]", rule.get("for", "1m"))
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert set(rule["annotations"]) == {"summary", "runbook"}
    assert names(rule["expr"]) <= series
    if group == "bertcls-serving":
        assert all(name == "up" or name.startswith(STOCK_PREFIX) for name in names(rule["expr"]))
    # What the summary tells must be left after the query's aggregation.
    told = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
    kept = re.findall(r"by \(([^)]*)\)", rule["expr"]) or ["instance"]
    assert all(told <= set(re.split(", ?", labels)) for labels in kept)


def test_alerts_divide_what_has_the_same_labels():
    for _, rule in alerts().values():
        if " / " in rule["expr"]:
            assert len(set(re.findall(r"sum by \(([^)]*)\)", rule["expr"]))) == 1


def test_each_alert_has_its_section_in_the_runbook():
    _, _, sections = RUNBOOK.read_text().partition("\n## Alerts\n")
    headings = re.findall(r"^### (\w+)$", sections, re.MULTILINE)
    assert headings == list(alerts())
    for name, (_, rule) in alerts().items():
        assert rule["annotations"]["runbook"] == f"docs/runbook.md#{name.lower()}"


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_panels(panel, series):
    assert panel["type"] in ("timeseries", "stat", "heatmap")
    assert panel["description"]
    assert [target["refId"] for target in panel["targets"]] == list("ABC")[: len(panel["targets"])]
    for target in panel["targets"]:
        assert names(target["expr"]) <= series
        assert target["legendFormat"]
        source = {"type": "prometheus", "uid": "${datasource}"}
        assert target["datasource"] == panel["datasource"] == source


def test_the_dashboard_as_a_whole():
    assert DASHBOARD["uid"] == "bertcls-serving"
    assert [v["name"] for v in DASHBOARD["templating"]["list"]] == ["datasource", "model"]
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    taken = collections.Counter(
        (x, y)
        for place in (panel["gridPos"] for panel in DASHBOARD["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    )
    assert max(taken.values()) == 1
    assert max(x for x, _ in taken) < 24


def test_panels_above_the_last_row_work_with_a_stock_server():
    rows = [n for n, panel in enumerate(DASHBOARD["panels"]) if panel["type"] == "row"]
    for panel in DASHBOARD["panels"][: rows[-1]]:
        for target in panel.get("targets", []):
            assert all(name.startswith(STOCK_PREFIX) for name in names(target["expr"]))


def test_our_own_metrics_are_shown(series):
    shown = {n for panel in PANELS for target in panel["targets"] for n in names(target["expr"])}
    families = {re.sub("_(bucket|sum|count)$", "", name) for name in shown}
    ours = {re.sub("_(bucket|sum|count)$", "", name) for name in series if "bertcls_" in name}
    assert ours <= families


@pytest.mark.parametrize("place", ["compose", "kubernetes"])
def test_prometheus_finds_the_metrics(place):
    (document,) = documents(f"monitoring/prometheus_{place}.yaml")
    assert (SERVING / "monitoring" / document["rule_files"][0]).exists()
    (job,) = document["scrape_configs"]
    path = SERVING / "config/monitoring.config"
    config = read_config_message("MonitoringConfig", path, "--monitoring_config_file")
    assert job["metrics_path"] == config.prometheus_config.path
    selected = {
        matcher.value
        for _, rule in alerts().values()
        for selector in selectors(rule["expr"])
        for matcher in selector.matchers.matchers
        if matcher.name == "job"
    }
    assert selected == {job["job_name"]}
    if place == "kubernetes":
        kept = [rule["regex"] for rule in job["relabel_configs"] if rule.get("action") == "keep"]
        labels = one("Deployment")["spec"]["template"]["metadata"]["labels"]
        assert kept == [labels["app.kubernetes.io/name"], "rest"]
        assert "rest" in [port["name"] for port in container()["ports"]]
