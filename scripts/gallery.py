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
    "digits": ["--trials", "22"],
    "from-scratch": ["--trials", "16", "--init", "scratch", "--objectives", "accuracy,params,macs"],
}
"""The reports by name: what is asked of each search beside `SHARED`."""

SHARED = ["--backbone", "base", "--dataset", "digits", "--epochs", "3", "--device", "cpu", "--jobs", "1"]


def main(folder: str) -> None:
    for name, options in RUNS.items():
        report, run = Path(folder) / f"{name}.html", Path(folder) / "runs" / name
        if report.exists():
            continue
        command = (
            ["resume", str(run)]
            if (run / "run.yaml").exists()
            else ["run", *SHARED, *options, "--out", str(run)]
        )
        if code := call(command):
            sys.exit(code)
        shutil.copy(run / "report.html", report)


if __name__ == "__main__":
    main(*sys.argv[1:])
