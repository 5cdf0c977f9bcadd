"""All figures of a report by name."""

from __future__ import annotations

import plotly.graph_objects as go

from lcsearch.report.data import ReportData
from lcsearch.report.plots_front import front_figure
from lcsearch.report.plots_layers import heat_figure, importance_figure, parallel_figure
from lcsearch.report.plots_progress import learning_figure, progress_figure, timeline_figure

NAMES = (
    "front", "front-macs", "layers", "importance", "parallel", "learning",
    "hypervolume", "hypervolume-time", "timeline",
)  # fmt: skip


def figures(data: ReportData) -> dict[str, go.Figure]:
    """Draw what the data has something for; the keys are of `NAMES`, in that order."""
    made = {"front": front_figure(data.by_params), "front-macs": front_figure(data.by_macs)}
    if data.heat_map:
        made["layers"] = heat_figure(data.heat_map)
    if data.importance:
        made["importance"] = importance_figure(data.importance)
    if data.parallel:
        made["parallel"] = parallel_figure(data.parallel)
    if data.learning:
        made["learning"] = learning_figure(data.learning)
    if data.progress:
        made["hypervolume"] = progress_figure(data.progress, "epochs")
        made["hypervolume-time"] = progress_figure(data.progress, "time")
    if data.timeline:
        made["timeline"] = timeline_figure(data.timeline)
    return made
