"""From a choice to a file: which weights and which spec, and what the config says of where they come from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lcsearch.core.functions import look_in
from lcsearch.core.records import RunRecord
from lcsearch.export.formats import ConfigFormat, find
from lcsearch.export.source import kept_weights
from lcsearch.export.write import Exported, export
from lcsearch.runs.choose import Choice, source_of


def export_choice(
    run: RunRecord,
    choice: Choice,
    kind: str,
    output: Path | None,
    *,
    fold_batch_norm: bool = False,
    retrained: bool = False,
) -> Exported:
    """Write the chosen trial.

    Args:
        run: The run.
        choice: The trial, and why.
        kind: A format.
        output: The file; None for ``trial-N`` with the format's suffix, here.
        fold_batch_norm: Fold batch norm into the convolutions before it.
        retrained: Take the retrained weights that are best on the validation images.

    Raises:
        InputError: As `export`; or the weights were not kept, or the trial was not retrained.
        ExportError: As `export`.
    """
    look_in(run.settings.get("modules_in", ()))
    trial = choice.trial
    form = find(kind)
    path = output or Path(f"trial-{trial.number}{form.suffixes[0]}")
    source = source_of(run, choice)
    spec, weights = trial.spec, None
    if retrained:
        from lcsearch.runs.retrained import best_of

        result = best_of(run.path, trial)
        weights, spec = result.weights, replace(spec, recipe=replace(spec.recipe, epochs=result.epochs))
        source = replace(source, accuracy=result.accuracy, why=f"{choice.why}; retrained, seed {result.seed}")
    elif not isinstance(form, ConfigFormat):
        weights = kept_weights(run, trial)
    return export(run, spec, weights, source, form, path, fold_batch_norm=fold_batch_norm)
