"""The plots of a run by their names: ``run.plot.front()``."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from lcsearch.core import plugins
from lcsearch.core.errors import no_such
from lcsearch.core.records import RunRecord
from lcsearch.report.alone import themed, with_hovers
from lcsearch.report.image import chosen_figures
from lcsearch.report.plots import names


class RunPlot:
    """One plot of a run; called, it is drawn.

    Args:
        run: The run.
        name: Of `lcsearch.report.plots.names`.
    """

    def __init__(self, run: RunRecord, name: str) -> None:
        self._run = run
        self._name = name

    def __call__(self) -> go.Figure:
        """Draw it.

        Raises:
            InputError: The run has nothing for it yet, or it is another distribution's and does not work.
        """
        figure = chosen_figures(self._run, [self._name])[self._name]
        return with_hovers(themed(figure), self._run)

    def data(self) -> Any:
        """What it shows, as a plain record; None where the run has nothing for it yet.

        Raises:
            InputError: It is another distribution's, and does not load.
        """
        return plugins.find(plugins.PLOT, self._name).data(self._run)

    def __repr__(self) -> str:
        return f"the plot {self._name} of {self._run.path}; call it to draw it"


class RunPlots:
    """Every plot of a run, those of other distributions too, as attributes: ``front``, ``front_macs``, ...

    Args:
        run: The run.
    """

    def __init__(self, run: RunRecord) -> None:
        self._run = run

    def __getattr__(self, attribute: str) -> RunPlot:
        known = _attributes()
        if attribute not in known:
            raise AttributeError(no_such("plot", attribute, known))
        return RunPlot(self._run, known[attribute])

    def __dir__(self) -> list[str]:
        return list(_attributes())

    def __repr__(self) -> str:
        return f"plots of {self._run.path}: {', '.join(_attributes())}"


def _attributes() -> dict[str, str]:
    """The name of every plot, by the attribute that it is; in the order of the page."""
    return {name.replace("-", "_"): name for name in names()}
