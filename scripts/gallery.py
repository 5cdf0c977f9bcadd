"""Makes the runs whose reports the site shows, and copies these into a folder.

    python scripts/gallery.py FOLDER

Real searches of scikit-learn's digits, a few minutes on two CPU cores. A report that is there is not made
again, and a run that was stopped goes on.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from lcsearch.cli.main import call

RUNS = {
    "digits": ["--backbone", "base", "--dataset", "digits", "--trials", "24", "--jobs", "1"],
    "from-scratch": [
        "--backbone", "base", "--dataset", "digits", "--init", "scratch", "--trials", "18", "--epochs", "4",
        "--objectives", "accuracy,params,macs", "--jobs", "1",
    ],
}  # fmt: skip
"""The reports by name: the options of `lcsearch run` that make each."""


def main(folder: str) -> None:
    for name, options in RUNS.items():
        report, run = Path(folder) / f"{name}.html", Path(folder) / "runs" / name
        if report.exists():
            continue
        command = (
            ["resume", str(run)] if (run / "run.yaml").exists() else ["run", *options, "--out", str(run)]
        )
        if code := call(command):
            sys.exit(code)
        shutil.copy(run / "report.html", report)


if __name__ == "__main__":
    main(*sys.argv[1:])
