"""The table of ``bench_search_speed.py``: trials per hour, and the time to what is reached by hand."""

from __future__ import annotations

from collections.abc import Sequence

from climbing import climb, needed
from init_table import spread
from work_off import Line

from lcsearch.core.pareto import Box, box_of

BY_HAND, OURS, LONG, SAME = "by hand", "lcsearch", "lcsearch, as long", "the same trials by lcsearch"
SIDES = (BY_HAND, OURS, LONG, SAME)


def table(lines: Sequence[Line]) -> str:
    """All sides as Markdown, by how long the search by hand went on, over the repeats that have all."""
    parts = []
    for seconds in sorted({line["seconds"] for line in lines}):
        found = {(line["side"], line["repeat"]): line for line in lines if line["seconds"] == seconds}
        repeats = sorted(r for side, r in found if side == BY_HAND and all((s, r) in found for s in SIDES))
        if repeats:
            parts.append(_part(seconds, [[found[side, r] for side in SIDES] for r in repeats]))
    return "\n\n".join(parts) or "no repeat is finished yet"


def reached(line: Line, box: Box) -> list[tuple[float, float]]:
    """Seconds and the hypervolume that a side has by then, after each trial, in the order of their ends."""
    trials = sorted(line["trials"], key=lambda trial: trial["at"])
    return climb([(trial["at"], trial["accuracy"], trial["params"]) for trial in trials], box)


def per_hour(line: Line) -> float:
    """Trials that a side ends in an hour."""
    wall: float = line["wall"] if "wall" in line else max(trial["at"] for trial in line["trials"])
    return 3600 * len(line["trials"]) / wall


def _part(seconds: int, repeats: Sequence[Sequence[Line]]) -> str:
    first = repeats[0][0]
    head = f"{first['machine']}, {first['cores']} cores, {seconds} s by hand, {len(repeats)} repeats"
    columns = "| | trials per hour | times by hand | hypervolume, % | seconds to that by hand | share |"
    rows = [_row(place, repeats) for place in range(len(SIDES))]
    return "\n".join([head, "", columns, "|---" * 6 + "|", *rows])


def _row(place: int, repeats: Sequence[Sequence[Line]]) -> str:
    sides = [repeat[place] for repeat in repeats]
    times = [per_hour(repeat[place]) / per_hour(repeat[0]) for repeat in repeats]
    cells = [spread([per_hour(side) for side in sides]), spread(times)]
    if sides[0]["side"] != SAME:
        curves = [reached(repeat[place], _box(repeat[1])) for repeat in repeats]
        goals = [reached(repeat[0], _box(repeat[1]))[-1] for repeat in repeats]
        times_needed = [needed(own, goal) for own, (_, goal) in zip(curves, goals, strict=True)]
        shares = [need / at for need, (at, _) in zip(times_needed, goals, strict=True)]
        cells += [spread([100 * own[-1][1] for own in curves]), spread(times_needed), spread(shares)]
    return f"| {sides[0]['side']} | " + " | ".join(cells + [""] * (5 - len(cells))) + " |"


def _box(ours: Line) -> Box:
    return box_of(ours["backbone"]["accuracy"], ours["backbone"]["params"], ours["smallest"])
