"""A run as notebooks show it: its front as a table and as a plot."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from lcsearch.core.metric import metric_words
from lcsearch.core.notebook import Output, in_notebook
from lcsearch.core.packages import installed
from lcsearch.core.records import RunRecord
from lcsearch.core.text import counted
from lcsearch.report.fill import fill
from lcsearch.report.front_rows import front_rows
from lcsearch.report.heading import remarks, title
from lcsearch.report.run_plots import RunPlots
from lcsearch.report.words import trial_words
from lcsearch.runs.choose import front_of
from lcsearch.runs.read import read_run as read_record


class _OwnPlots:
    """Gives a run its plots. Completion in notebooks asks no property for the names in what it returns."""

    def __get__(self, run: RunRecord, owner: type) -> RunPlots:
        return RunPlots(run)


class Run(RunRecord):
    """A `RunRecord` that shows itself in notebooks, and draws its plots.

    Attributes:
        plot: The report's plots: ``run.plot.front()`` draws one, ``run.plot.front.data()`` is what it shows.
    """

    __slots__ = ()
    plot = _OwnPlots()

    @classmethod
    def of(cls, record: RunRecord) -> Run:
        """What a record holds."""
        return cls(**{field.name: getattr(record, field.name) for field in fields(record)})

    def __repr__(self) -> str:
        trials, front = counted(len(self.trials), "trial"), len(front_of(self.trials))
        return f"Run({str(self.path)!r}: {trials}, {front} on the front)"

    def _repr_html_(self) -> str:
        """The front as a table, and as a plot that loads plotly.js from its address, as Plotly's own do."""
        if not front_of(self.trials):
            return self._table()
        figure: str = self.plot.front().to_html(full_html=False, include_plotlyjs="cdn")
        return self._table() + figure

    def _ipython_display_(self) -> None:
        """In a notebook Plotly itself shows the plot: it knows how, with plotly.js there at most once."""
        if not in_notebook():
            print(repr(self))
        elif not installed("nbformat"):  # which Plotly wants, and a kernel alone does not have
            Output().show(self._repr_html_(), repr(self))
        else:
            Output().show(self._table(), repr(self))
            if front_of(self.trials):
                self.plot.front().show()

    def _table(self) -> str:
        shown = front_rows(self)
        return fill(
            "run.html",
            title=title(self),
            remarks=remarks(self),
            front=shown,
            words={trial.number: trial_words(trial) for trial in shown},
            baseline=self.baseline,
            metric=metric_words(self.metric),
            tuned=any(trial.accuracy_before is not None for trial in shown),
        )


def read_run(path: str | Path) -> Run:
    """Read everything that a run has recorded, also while it goes on.

    Args:
        path: The run directory.

    Raises:
        InputError: It is no run directory, or its study or the results of its retraining are damaged.
        RuntimeError: Another program holds its study, or it cannot be read.
    """
    return Run.of(read_record(Path(path)))
