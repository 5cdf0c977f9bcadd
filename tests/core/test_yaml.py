from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from lcsearch.core.errors import InputError
from lcsearch.core.yaml import parse_yaml, read_mapping, read_yaml, write_yaml, yaml_text

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_scalars_follow_yaml_1_2() -> None:
    assert parse_yaml("{off: true, weight: 1e-5, day: 2020-01-01, half: .5, on: yes}", "f") == {
        "off": True,
        "weight": 1e-5,
        "day": "2020-01-01",
        "half": 0.5,
        "on": "yes",
    }


def test_anchors_and_merges_are_read() -> None:
    assert parse_yaml("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}", "f")["b"] == {"x": 1, "y": 3}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "f: the file is empty"),
        ("# nothing\n", "f: the file is empty"),
        ("a: 1\nb: {c: 2", "f: line 2, column 9: expected ',' or '}', but got the end of the file"),
        ("a: 1\na: 2", "f: line 2, column 1: key 'a' stands there twice"),
        ("a: !!python/object/apply:os.getpid []", "f: line 1, column 4: could not determine a constructor"),
        ("a: \x00", "f: not a YAML file: it holds characters that text does not"),
        ("[" * 5000, "f: not a YAML file of this kind: it is nested too deeply"),
    ],
)
def test_what_is_no_yaml_is_one_line(text: str, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_yaml(text, "f")
    assert str(caught.value).startswith(expected)
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path) -> None:
    binary = tmp_path / "weights.yaml"
    binary.write_bytes(bytes(range(256)))
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * 1_000_001)
    for path, words in [
        (tmp_path / "none.yaml", "No such file or directory"),
        (tmp_path, "Is a directory"),
        (binary, "it is no UTF-8 text"),
        (large, "1000001 bytes are too many"),
    ]:
        with pytest.raises(InputError, match=words) as caught:
            read_yaml(path)
        assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.slow
@given(st.dictionaries(st.text(), PLAIN, max_size=3), st.booleans())
@example({"run": "1e5", "half": ".5", "off": "off", "day": "2020-01-01", "1e5": "null", "<<": "="}, True)
def test_what_is_written_reads_back_the_same_here_and_by_others(
    plain: dict[str, object], short: bool
) -> None:
    text = yaml_text(plain, short=short)
    for found in (parse_yaml(text, "f"), yaml.safe_load(text)):
        assert repr(found) == repr(plain)


def test_a_file_has_its_keys_in_order_and_short_ones_in_a_line(tmp_path: Path) -> None:
    plain = {"b": {"y": 1, "x": [1, 2]}, "a": None, "text": "größer"}
    write_yaml(tmp_path / "a.yaml", plain)
    text = "b:\n  y: 1\n  x:\n  - 1\n  - 2\na: null\ntext: größer\n"
    assert (tmp_path / "a.yaml").read_text(encoding="utf-8") == text
    assert yaml_text(plain, short=True) == "b:\n  y: 1\n  x: [1, 2]\na: null\ntext: größer\n"


def test_a_file_of_ours_holds_keys(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: {b: 1}")
    assert read_mapping(tmp_path / "a.yaml") == {"a": {"b": 1}}
    (tmp_path / "a.yaml").write_text("- a")
    with pytest.raises(InputError, match=r"a\.yaml: is damaged: it holds no mapping of keys to values$"):
        read_mapping(tmp_path / "a.yaml")
