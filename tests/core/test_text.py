from __future__ import annotations

import pytest

from lcsearch.core.errors import InputError
from lcsearch.core.text import (
    counted,
    format_count,
    format_seconds,
    format_share,
    kind_of,
    listed,
    parse_count,
    parse_seconds,
    with_article,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [("250000", 250_000), ("500k", 500_000), ("1.5M", 1_500_000), (" .5 m ", 500_000), ("2G", 2 * 10**9),
     ("1e3", 1000), ("1E+3k", 10**6), ("1", 1), ("1.4", 1)],
)  # fmt: skip
def test_counts_are_read_as_people_write_them(text: str, value: int) -> None:
    assert parse_count(text) == value


@pytest.mark.parametrize("text", ["", "0", "0.9", "-5", "5s", "5kk", "k", "many", "1e400", "1 2", "nan"])
def test_what_is_no_count_is_said_with_what_is(text: str) -> None:
    with pytest.raises(InputError) as found:
        parse_count(text)
    assert str(found.value) == f"{text!r} is not a positive count; write 250000, 500k or 1.5M"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90.0),
        ("90s", 90.0),
        ("30m", 1800.0),
        ("2H", 7200.0),
        ("1d", 86_400.0),
        (".5", 0.5),
        ("1e-3", 1e-3),
    ],
)
def test_times_are_read_as_people_write_them(text: str, seconds: float) -> None:
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "-1", "5k", "soon", "1e400h"])
def test_what_is_no_time_is_said_with_what_is(text: str) -> None:
    with pytest.raises(InputError) as found:
        parse_seconds(text)
    assert str(found.value) == f"{text!r} is not a positive time; write 90s, 30m or 2h"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (812, "812"), (999.4, "999"), (999.5, "1.00k"), (9231, "9.23k"), (9994, "9.99k"),
     (9995, "10.0k"), (10_500, "10.5k"), (99_949, "99.9k"), (99_950, "100k"), (399_000, "399k"),
     (999_499, "999k"), (999_500, "1.00M"), (9_231_114, "9.23M"), (999_500_000, "1.00G"), (2.5e10, "25.0G")],
)  # fmt: skip
def test_counts_have_three_digits(value: float, text: str) -> None:
    assert format_count(value) == text


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.5, "1/2"), (0.25, "1/4"), (1 / 3, "1/3"), (0.3333, "1/3"), (1.0, "1"), (1.5, "1.5"), (0.37, "0.37"),
     (0.0, "0"), (0.015625, "1/64")],
)  # fmt: skip
def test_shares(value: float, words: str) -> None:
    assert format_share(value) == words


def test_counted() -> None:
    assert [counted(n, "epoch") for n in (0, 1, 2, 1200)] == [
        "0 epochs",
        "1 epoch",
        "2 epochs",
        "1,200 epochs",
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0s"), (42.4, "42s"), (59.4, "59s"), (59.6, "1m 00s"), (200, "3m 20s"), (3599, "59m 59s"),
     (3600, "1h 00m"), (7500, "2h 05m"), (90_000, "25h 00m")],
)  # fmt: skip
def test_times_have_two_units(value: float, text: str) -> None:
    assert format_seconds(value) == text


def test_long_lists_are_cut_and_counted() -> None:
    assert listed(["a", "b", "c"]) == "a, b, c" and listed([]) == ""
    assert listed(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
    assert listed(["a", "b", "c"], most=1, between="; ") == "a and 2 more"
    assert listed(["a", "b", "c"], most=2, between="; ") == "a; b and 1 more"


def test_nouns_have_the_article_that_one_hears() -> None:
    for word in ("int", "object", "Adam", "Identity", "ELU", "Upsample"):
        assert with_article(word) == f"an {word}"
    for word in ("list", "Sequential", "UNet", "uint8", "NoneType"):
        assert with_article(word) == f"a {word}"
    assert kind_of(5) == "an int" and kind_of([5]) == "a list"
