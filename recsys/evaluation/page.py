"""The report as one HTML file that asks for nothing from outside and runs no script."""

from __future__ import annotations

from datetime import UTC, datetime

from jinja2 import Environment, PackageLoader, StrictUndefined

from recsys.evaluation.charts import (
    bar_chart,
    calibration_chart,
    line_chart,
    series,
    share_chart,
)
from recsys.evaluation.judging import ALL, COLD, RELISTEN, WARM
from recsys.evaluation.schema import EvaluationReport

_CURVES = (ALL, WARM, COLD, RELISTEN)
_MOST_FEATURES = 20


def render_page(report: EvaluationReport) -> str:
    """HTML of the report."""
    environment = Environment(
        loader=PackageLoader("recsys.evaluation", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    metric = f"ndcg@{max(report.cutoffs)}"
    features = sorted(report.feature_importance.items(), key=lambda pair: -pair[1])
    return environment.get_template("report.html").render(
        report=report,
        cut=None if report.cut is None else datetime.fromtimestamp(report.cut, UTC),
        metric=metric,
        columns=[f"{name}@{k}" for k in report.cutoffs for name in ("recall", "ndcg")],
        series=series,
        curves={
            name: line_chart(report.slices[name].recall_curve, "length of the list", "recall")
            for name in _CURVES
            if name in report.slices
        },
        bars={
            name: bar_chart(
                {method: values[metric] for method, values in part.methods.items()}, metric
            )
            for name, part in report.slices.items()
        },
        calibration=calibration_chart(report.bridge_calibration)
        if report.bridge_calibration
        else None,
        importance=share_chart(dict(features[:_MOST_FEATURES]), "share of the ranker's gain")
        if features
        else None,
    )
