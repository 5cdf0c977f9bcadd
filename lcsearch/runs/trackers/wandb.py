"""Weights & Biases: a run for the search, and one for each trial and each model that is trained again.

``wandb:PROJECT`` or ``wandb:ENTITY/PROJECT``; all runs of a search are one group. wandb keeps its own files
in the run directory. Offline (``WANDB_MODE=offline``) they wait there for ``wandb sync``, and a trial that
goes on is written anew, in place of what lies there of it; online wandb says at which epoch it goes on.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lcsearch.core.errors import InputError, reason
from lcsearch.core.packages import require
from lcsearch.runs.trackers import TrackedRun
from lcsearch.runs.trackers._of_parts import LedgerTracker
from lcsearch.runs.trackers._parts import Part, settings_of
from lcsearch.runs.trackers._places import check_answers

if TYPE_CHECKING:
    from wandb import Run

_OTHERWISE = "WANDB_MODE=offline keeps what 'wandb sync' can send later"


class Wandb(LedgerTracker):
    """Writes runs of Weights & Biases.

    Args:
        place: ``PROJECT`` or ``ENTITY/PROJECT``.

    Raises:
        InputError: It is no name, its server is not reached, nobody is logged in, or wandb is not installed.
    """

    def __init__(self, place: str) -> None:
        require(["wandb"], "lcsearch[wandb]", "track")
        super().__init__(place.strip())
        entity, _, self._project = self.place.rpartition("/")
        self._entity = entity or None
        if not self._project or re.search(r"[/\\#?%:]", entity + self._project):
            raise InputError(
                f"wandb:{place} names no project; write PROJECT or ENTITY/PROJECT", setting="track"
            )
        _check_logged_in()

    def start(self, run: TrackedRun) -> None:
        """Write what is recorded, as far as it is not there."""
        self._run, self._group = run, _safe(f"{run.name}-{run.key}")
        self.begin(run, "wandb")
        self._search = self._open("search", run.name, settings_of(run.record))
        self._shown = _last_step(self._search)
        self.write_recorded(run)

    def files_written(self, files: Sequence[Path]) -> None:
        """Keep them as an artifact of the search's run."""
        self._keep(self._search, self._group, "search", files)

    def close(self) -> None:
        """Send what is left, and end every run; those whose training goes on are resumed."""
        for run, _ in self._live.values():
            run.finish(exit_code=1)
        self._search.finish(exit_code=int(bool(self._live)))

    def exported(self, run: TrackedRun, file: Path) -> None:
        """Keep it as an artifact of a run of its own: another process may write the search's."""
        self._run, self._group = run, _safe(f"{run.name}-{run.key}")
        own = self._open("export", f"export {file.name}", {"file": file.name})
        self._keep(own, f"{self._group}-exports", "model", [file])
        own.finish()

    def search_run(self) -> tuple[Run, int]:
        """The search's own run, and the last step of it that wandb had."""
        return self._search, self._shown

    def open_part(self, part: Part) -> tuple[Run, int]:
        """The part's run, new or resumed, with its spec and sizes."""
        own = self._open(part.name, part.title, part.choices, part.kind)
        own.summary.update(part.sizes)
        return own, _last_step(own)

    def end_part(self, own: Run, part: Part) -> None:
        """Write what became of it into its summary."""
        own.summary.update({**part.ends, "state": part.state, "result": part.words})
        own.finish(exit_code=int(part.failed))

    def _open(self, part: str, title: str, config: Mapping[str, Any], kind: str = "") -> Run:
        import wandb

        name, folder = f"{self._run.key}-{part}", self._run.record.path
        for old in (folder / "wandb").glob(f"offline-run-*-{name}"):
            if not list(old.glob("*.synced")):
                shutil.rmtree(old)
        return wandb.init(
            entity=self._entity,
            project=self._project,
            id=name if part != "export" else None,
            name=title,
            group=self._group,
            job_type=kind or part,
            config=dict(config),
            dir=folder,
            resume="allow" if part != "export" else None,
            reinit="create_new",
            settings=_settings(),
        )

    def _keep(self, run: Run, name: str, kind: str, files: Sequence[Path]) -> None:
        import wandb

        artifact = wandb.Artifact(name, type=kind)
        for file in files:
            artifact.add_file(str(file))
        run.log_artifact(artifact)


TRACKER = Wandb


def _settings() -> Any:
    """Nothing on the terminal, and nothing of the machine and its git repository."""
    import wandb

    return wandb.Settings(
        silent=True,
        console="off",
        disable_git=True,
        save_code=False,
        x_disable_stats=True,
        x_save_requirements=False,
    )


def _last_step(run: Run) -> int:
    """The last step that is there of a run; `Run.step` is the next one."""
    step: int = run.step
    return max(step - 1, 0)


def _check_logged_in() -> None:
    """Make sure that runs can be sent, unless they are kept here."""
    import wandb

    settings = wandb.setup(wandb.Settings(silent=True)).settings
    if settings.mode in ("offline", "dryrun", "disabled"):
        return
    check_answers("wandb", settings.base_url, _OTHERWISE)
    try:
        known = wandb.login(prompt=False)
    except Exception as error:
        raise InputError(f"wandb: {reason(error)}; {_OTHERWISE}", setting="track") from error
    if not known:
        raise InputError(f"wandb: nobody is logged in; 'wandb login' does, or {_OTHERWISE}", setting="track")


def _safe(name: str) -> str:
    """A name in the letters that wandb takes for groups and artifacts."""
    return re.sub(r"[^\w\-.]", "-", name)
