"""The commands that take a trial home, for copying."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Command:
    """A command line for any trial.

    Attributes:
        what: What it does, in a few words.
        parts: The command, cut where the trial's number goes.
        weights: Whether it needs the trial's weights, which are kept for some trials only.
    """

    what: str
    parts: tuple[str, ...]
    weights: bool

    def line(self, trial: int) -> str:
        """The command for one trial."""
        return str(trial).join(self.parts)


def commands(path: Path) -> tuple[Command, ...]:
    """Return the commands for the trials of the run at this path, which is quoted for a shell."""
    run = shlex.quote(str(path))
    exports = (
        ("a model of standard PyTorch layers", "conv", "pt2", True),
        ("ONNX", "onnx", "onnx", True),
        ("weights with the spec inside", "weights", "safetensors", True),
        ("the config", "yaml", "yaml", False),
    )
    made = [
        Command(
            what, (f"lcsearch export {run} --trial ", f" --format {kind} -o trial", f".{suffix}"), weights
        )
        for what, kind, suffix, weights in exports
    ]
    made.append(Command("train it longer, then test it", (f"lcsearch retrain {run} --trial ", ""), False))
    return tuple(made)
