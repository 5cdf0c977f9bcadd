from __future__ import annotations

from hand_made import make_trial

from lcsearch.runs.spent import spent_table, spent_words

TRIALS = [
    make_trial(0, 93.0, spent={"forward": 1.5, "waiting": 0.25, "other": 0.25}),
    make_trial(1, 92.0),
    make_trial(3, None, state="failed", spent={"forward": 2.0}),
]


def test_the_table_has_a_row_for_each_measured_trial_and_one_for_all() -> None:
    rows = [row.split(",") for row in spent_table(TRIALS).splitlines()]
    assert ",".join(rows[0]) == (
        "trial,seconds,data,forward,backward,optimizer,step,evaluation,fitting,checkpoint,waiting,starting,"
        "building,other"
    )
    assert [{n: v for n, v in zip(rows[0], row, strict=True) if v != "0.000000"} for row in rows[1:]] == [
        {
            "trial": "0",
            "seconds": "2.000000",
            "forward": "1.500000",
            "waiting": "0.250000",
            "other": "0.250000",
        },
        {"trial": "3", "seconds": "2.000000", "forward": "2.000000"},
        {
            "trial": "all",
            "seconds": "4.000000",
            "forward": "3.500000",
            "waiting": "0.250000",
            "other": "0.250000",
        },
    ]


def test_the_words_name_the_largest_share_first() -> None:
    assert spent_words(TRIALS) == "workers' time: forward 87.5 %, waiting 6.2 %, other 6.2 %"


def test_nothing_is_said_where_nothing_was_measured() -> None:
    assert spent_table(TRIALS[1:2]) is None and spent_words(TRIALS[1:2]) is None
