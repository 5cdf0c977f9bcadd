"""The settings of a run that run.yaml holds: each is declared here, and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Annotated, Any, Literal

from annotated_types import Ge

from lcsearch.core.checked import Checked
from lcsearch.core.errors import InputError, Named
from lcsearch.core.metric import ACCURACY, Metric
from lcsearch.core.normalisation import Normalisation
from lcsearch.core.plugins import ENGINE, SAMPLER, STOPPING_RULE, TRACKER
from lcsearch.core.room import Room
from lcsearch.core.spec import Recipe
from lcsearch.runs.defaults import ALONE, CPU_TRIALS, TRIALS
from lcsearch.runs.finish_settings import Finish, FinishEpochs
from lcsearch.runs.setting import AGAIN, GOING_ON, NEW, READING, WORKING, Rule, Setting, by_device, declared
from lcsearch.runs.start_settings import Inherit, ScratchBelow, Screen, ScreenImages
from lcsearch.runs.values import AUTO, Count, Seconds, Trackers, listed, must
from lcsearch.runs.work_settings import DataCache, DataMemory, Jobs, Profile

DEFAULT_SAMPLER = "recombine"
"""See docs/search.md for why."""


def _accuracy_first(names: tuple[str, ...]) -> bool:
    return names[:1] == ("accuracy",) and len(set(names)) == len(names) > 1


@dataclass(frozen=True, slots=True)
class RunSettings(Checked):
    """Every setting of a run, resolved: what run.yaml holds.

    A field's own default is what a run.yaml means that lacks the key, as those of older versions do; what a
    user gets who leaves the setting to us is the default of its `Setting`, where that names one.
    """

    backbone: Annotated[
        str,
        Setting(
            "The net: a name from 'lcsearch backbones', torchvision:NAME, timm:NAME or module:function.",
            "data",
            (*NEW, "sensitivity"),
            required=NEW,
            metavar="NAME",
        ),
    ]
    dataset: Annotated[
        str,
        Setting(
            "The images: a name from 'lcsearch datasets', or another of docs/data.md.",
            "data",
            READING,
            "fashion-mnist",
            metavar="NAME",
        ),
    ]
    data_dir: Annotated[
        str | None,
        Setting("Where the data set's files are looked for first.", "data", READING, metavar="PATH"),
    ] = None
    train_images: Annotated[
        Count | None, Setting("Training images.", "data", ("run",), by_device(10_000, None, "all"))
    ] = None
    validation_images: Annotated[
        Count | None,
        Setting(
            "Validation images: early stopping derives its noise from their number.",
            "data",
            NEW,
            Rule("all of val/; without it 5,000, or a fifth"),
            required=("search",),
        ),
    ] = None
    own_validation: Annotated[
        bool, Setting("Whether the data set itself keeps the validation images apart, as val/ does.", "data")
    ] = False
    image_size: Annotated[
        int | None,
        Ge(1),
        Setting(
            "Height and width of the images, in pixels.",
            "data",
            (*NEW, "sensitivity"),
            Rule("the data set's"),
            required=("search",),
            metavar="PIXELS",
        ),
    ] = None
    trials: Annotated[
        int,
        Ge(1),
        Setting("Trained trials in all, the hand-picked ones included.", "search", GOING_ON, TRIALS),
    ] = CPU_TRIALS
    timeout: Annotated[
        Seconds | None, Setting("Start no trial after this time from now: 90s, 30m, 2h.", "search", GOING_ON)
    ] = None
    max_params: Annotated[
        Count | None, Setting("Reject specs with more parameters untrained: 500k, 1.5M.", "search", NEW)
    ] = None
    max_macs: Annotated[
        Count | None, Setting("Reject specs with more multiply-accumulates untrained: 20M.", "search", NEW)
    ] = None
    sampler: Annotated[
        str, Setting("Who proposes: docs/search.md compares them.", "search", NEW, plugin=SAMPLER)
    ] = DEFAULT_SAMPLER
    early_stopping: Annotated[
        str, Setting("Which rule stops trials at rungs.", "search", NEW, plugin=STOPPING_RULE)
    ] = "pareto"
    rung_factor: Annotated[int, Ge(2), Setting("Ratio between one rung and the next.", "search")] = 3
    engine: Annotated[str, Setting("Who runs trials.", "workers", WORKING, plugin=ENGINE)] = "local"
    jobs: Jobs = 1
    threads: Annotated[
        int,
        Ge(0),
        Setting("Threads of a trial; 0: PyTorch's choice, 1 beside others.", "workers", (), by_device(1, 0)),
    ] = 1
    threads_alone: Annotated[
        int | None,
        Ge(0),
        Setting("Threads of the backbone while nothing else can be trained.", "workers", (), ALONE),
    ] = None
    device: Annotated[
        str,
        Setting("Where trials compute: auto, cpu, cuda or mps.", "workers", (*NEW, "sensitivity"), "auto"),
    ] = "cpu"
    ray_address: Annotated[
        str | None, Setting("A Ray cluster: auto or HOST:PORT.", "workers", WORKING, metavar="ADDRESS")
    ] = None
    cpus_per_trial: Annotated[float, Ge(0), Setting("CPUs that Ray reserves.", "workers", WORKING)] = 1.0
    gpus_per_trial: Annotated[
        float,
        Ge(0),
        must(lambda share: share <= 1 or share == int(share), "a share below 1 or a whole number"),
        Setting(
            "GPUs that Ray reserves; a share such as 0.25 is fine.",
            "workers",
            WORKING,
            Rule("1 with CUDA, else 0", lambda place: float(place.device == "cuda")),
        ),
    ] = 0.0
    max_failures: Annotated[
        int, Ge(0), Setting("How often a trial is tried again whose worker was lost.", "workers", GOING_ON)
    ] = 1
    storage_path: Annotated[
        str | None,
        Setting("Shared checkpoints of several Ray nodes.", "workers", WORKING, metavar="PATH|URI"),
    ] = None
    recipe: Annotated[
        Recipe,
        Setting("How every trial is trained, unless the space searches it or it is fine-tuned.", "training"),
    ] = field(default_factory=Recipe)
    seed: Annotated[int, Ge(0), Setting("Seeds everything random.", "run", NEW)] = 0
    objectives: Annotated[
        tuple[Literal["accuracy", "params", "macs", "trainable"], ...],
        listed,
        must(_accuracy_first, "accuracy comes first, then one or more of params, macs, trainable"),
        Setting(
            "What the front trades off: accuracy, then params, macs, trainable or several.",
            "search",
            NEW,
            metavar="NAME,NAME",
        ),
    ] = ("accuracy", "params")
    metric: Annotated[
        Metric, Setting("Judges models: accuracy, or a mean over classes (docs/search.md).", "search", NEW)
    ] = ACCURACY
    storage: Annotated[
        str | None,
        Setting("Optuna storage on a server.", "run", NEW, Rule("study.db in the run"), metavar="URL"),
    ] = None
    track: Annotated[
        Trackers,
        Setting(
            "Follow the run there too: tensorboard:FOLDER, mlflow:URI, wandb:PROJECT, trackio:PROJECT.",
            "run",
            WORKING,
            metavar="NAME:PLACE",
            repeated=True,
            plugin=TRACKER,
        ),
    ] = ()
    objective: Annotated[
        str | None, Setting("The user's own training loop, as module:function.", "training")
    ] = None
    init: Annotated[
        str,
        Setting(
            "Where models start: from nothing, or cut out of a backbone: trial 0, a published one or yours.",
            "start",
            ("run",),
            "trained",
            metavar="scratch|trained|pretrained|FILE",
        ),
    ] = "scratch"
    normalisation: Annotated[Normalisation | None, Setting("What nets expect of images.", "start")] = None
    fine_tune: Annotated[
        Recipe | None, Setting("How a model is trained that was cut out of a backbone.", "start")
    ] = None
    data_changed: Annotated[
        Literal["refuse", "use-old"],
        Setting("If images changed since: refuse, or go on with what is left of the split.", "data", AGAIN),
    ] = "refuse"
    new_head: Annotated[
        bool,
        Setting(
            "Make the last layer new: the given weights or the net are for other classes.", "start", READING
        ),
    ] = False
    inherit: Inherit = False
    scratch_below: ScratchBelow = 0.0
    screen: Screen = 0
    screen_images: ScreenImages = 0.025
    profile: Profile = False
    data_memory: DataMemory = None
    data_cache: DataCache = None
    finish: Finish = 0.0
    finish_epochs: FinishEpochs = 3

    @property
    def room(self) -> Room:
        """Room for decoded images."""
        return Room(self.data_memory, self.data_cache)

    @property
    def jobs_asked(self) -> int | None:
        """How many trials at once the user wants; None where the engine finds it out."""
        return None if self.jobs == AUTO else self.jobs

    @property
    def waits(self) -> bool:
        """Whether models are cut out of a backbone that the run itself trains first."""
        return self.init == "trained"

    @property
    def threads_at_start(self) -> int:
        """Threads of the backbone's training and of what is measured of it, where no trial runs beside that.

        Thinner nets run beside it if they do not learn from it; a run of an older version is gone on with as
        it was.
        """
        beside = self.waits and not self.thinner_recipe.needs_backbone
        return self.threads if beside or self.threads_alone is None else self.threads_alone

    @property
    def searched_recipe(self) -> Recipe:
        """How a model is trained that has the backbone's width."""
        return self.fine_tune or self.recipe

    def cut_from(self, backbone: int) -> float | None:
        """Parameters from which models are cut out of a backbone of so many; None where none are."""
        return None if self.fine_tune is None else self.scratch_below * backbone

    def recipe_of(self, params: int, backbone: int) -> Recipe:
        """How a model of the search is trained that has so many parameters, and the backbone so many.

        From scratch, for the epochs of backbone and fine-tuning, where a cut is worth less (docs/trained.md).
        """
        return self.thinner_recipe if params < (self.cut_from(backbone) or 0.0) else self.searched_recipe

    @property
    def baseline_recipe(self) -> Recipe:
        """How the plain backbone is trained: a given one is fine-tuned like everything cut out of it."""
        return self.recipe if self.waits else self.searched_recipe

    @property
    def thinner_recipe(self) -> Recipe:
        """How a thinner net is trained from scratch, to be compared with what is cut out of the backbone.

        It gets the backbone's epochs and those of fine-tuning, and learns from the backbone as much.
        """
        tuned = self.fine_tune
        if tuned is None:
            return self.recipe
        return replace(self.recipe, epochs=self.recipe.epochs + tuned.epochs, distill=tuned.distill)

    def changed(self, said: Mapping[str, Any]) -> RunSettings:
        """The settings with others in their place, each of which was checked.

        Raises:
            InputError: They do not go together.
        """
        new = replace(self, **said)
        if new.cpus_per_trial == new.gpus_per_trial == 0:
            raise InputError(
                *("0 needs ", Named("gpus_per_trial"), " above 0: a trial must reserve something"),
                setting="cpus_per_trial",
            )
        return new

    def to_plain(self) -> dict[str, Any]:
        """Plain data for run.yaml."""
        return {**asdict(self), "objectives": list(self.objectives), "track": list(self.track)}


RECORDED = declared(RunSettings)
"""Every setting that run.yaml holds, by name."""
