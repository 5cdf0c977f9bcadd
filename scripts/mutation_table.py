"""Prints which mutants of the last run of mutmut went unnoticed, and how many were noticed, by module.

    python scripts/mutation_table.py MUTMUT

Exits with 1 where fewer than 85 % of a module's mutants were noticed.
"""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict

LEAST = 85
"""Percent of a module's mutants that its tests must notice."""
NOTICED = ("killed", "timeout", "segfault")


def said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def results(mutmut: str) -> dict[str, str]:
    """By mutant: what became of it; those that were not asked for are left out."""
    lines = [line.strip().split(": ", 1) for line in said(mutmut, "results", "--all", "true").splitlines()]
    return {name: result for name, result in lines if result != "not checked"}


def main(mutmut: str) -> int:
    modules = defaultdict[str, list[bool]](list)
    for mutant, result in results(mutmut).items():
        modules[mutant.rpartition(".")[0]].append(result in NOTICED)
        if result not in NOTICED:
            print(said(mutmut, "show", mutant))
    shares = {module: 100 * sum(noticed) / len(noticed) for module, noticed in modules.items()}
    for module, noticed in sorted(modules.items()):
        print(f"{module}: {sum(noticed)} of {len(noticed)} noticed, {shares[module]:.1f} %")
    return int(any(share < LEAST for share in shares.values()))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
