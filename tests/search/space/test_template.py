"""The text of a space file to edit, word by word."""

from __future__ import annotations

from spaces import bind_backbone, bind_tiny
from torch import nn

from lcsearch.core.spec import ModelSpec
from lcsearch.search.space import BoundSpace, bind, parse_space, to_yaml

TEXT = """\
# The search space of my.nets:tiny: 2 of its 3 convolutions are searched.
#
# The first pattern that matches a layer's name wins; a layer that none matches stays plain.
# kind          One or several of conv, linear; conv is the plain convolution.
# channels      Share of the output channels that stay, in (0, 1]; one for all layers whose channels are added
#               or concatenated. The other keys mean what stays. Left out: 1.0.
# round_to      Channels that stay are a multiple of this, such as 8, which devices like. Left out: 1.
# alpha         Primary filters / all filters, in (0, 1]; 1 is a plain convolution. Left out: {low: 0.015625,
#               high: 1.0, log: true}.
# coefficients  full, low_rank (with rank or rank_ratio) or sparse (with sparsity); one or several. Left out:
#               [full].
# rank_ratio    Rank / primary filters, in (0, 1]. Left out, as rank is: {low: 0.05, high: 0.5, log: true}.
# rank          Rank, at least 1; in place of rank_ratio.
# sparsity      Share of coefficients that is zero, in [0, 1). Left out: {low: 0.25, high: 0.9}.
# A range is {low, high, log}; a bare number is fixed.

version: 1
backbone: "my.nets:tiny"
granularity: network            # layer | stage | network: who shares a choice
# Factor on what every layer keeps (which does not fall below its own low), because the independent choices of
# many layers average out: nearly all random models would have one size.
shrink: {low: 0.1, high: 1.0, log: true}
layers:
  "first": {kind: [conv]}  # 3 -> 6, 3x3, 168 parameters
  "grouped": {kind: [linear], alpha: {low: 0.1, high: 1.0}, coefficients: [full, sparse]}  # 6 -> 10, 3x3 in 2 groups, 270 parameters
  "point": {kind: [linear], alpha: {low: 0.1, high: 1.0}, coefficients: [full, sparse]}  # 10 -> 10, 1x1, 110 parameters
# The loss that layers add, such as LinearConv's on the correlation of its primary filters; "off: true" lets
# the search switch it off.
regularizer: {weight: {low: 0.1, high: 0.2}, off: true}
# Fields of the recipe, fixed or searched, such as {lr: {low: 0.01, high: 0.2, log: true}}.
train: {}
"""  # noqa: E501
LINEAR = {"kind": "linear", "alpha": {"low": 0.1, "high": 1.0}, "coefficients": ["full", "sparse"]}


def rows(bound: BoundSpace) -> list[str]:
    """The lines about layers."""
    return [line for line in to_yaml("my.nets:tiny", bound).splitlines() if line.startswith('  "')]


def whys(bound: BoundSpace) -> list[str]:
    """Behind the size of each layer: why it is not searched."""
    return [row.partition(" parameters")[2] for row in rows(bound)]


def test_the_whole_text() -> None:
    bound = bind_tiny(
        {"first": {"kind": "conv"}, "*": LINEAR},
        granularity="network",
        regularizer={"weight": {"low": 0.1, "high": 0.2}, "off": True},
        shrink={"low": 0.1, "high": 1.0, "log": True},
    )
    assert to_yaml("my.nets:tiny", bound) == TEXT


def test_the_regularizer_that_stays_on() -> None:
    bound = bind_tiny({"*": LINEAR}, regularizer={"weight": 0.5})
    assert "\nregularizer: {weight: 0.5, off: false}\n" in to_yaml("my.nets:tiny", bound)


def test_why_a_layer_is_not_searched() -> None:
    """Point has a fifth of 548 parameters, first three tenths; nothing can be saved of two 1x1 filters."""
    assert whys(bind_tiny({"*": LINEAR}, min_share=0.25)) == ["", "", "; too small to matter"]
    assert whys(bind_tiny({"grouped": LINEAR}, min_share=0.25)) == ["", "", "; too small to matter"]
    assert whys(bind_tiny({"*": LINEAR}, min_share=0.4)) == [
        "; too small to matter", "", "; too small to matter",
    ]  # fmt: skip
    net = nn.Sequential(nn.Conv2d(1, 2, 1), nn.Conv2d(2, 64, 3), nn.Conv2d(64, 8, 3))
    plain = {"version": 1, "backbone": "*", "layers": {"*": LINEAR}, "min_share": 0.1}
    bound = bind(parse_space(plain, "f"), net, ModelSpec("net", 10, 1))
    assert whys(bound) == ["; nothing to save", "", ""]


def test_how_small_a_layer_is_is_asked_of_the_most_channels() -> None:
    """448, 68 and 296 parameters; where 4 of the first 16 channels are left, 112, 20 and 296."""
    net = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 4, 1), nn.Conv2d(4, 8, 3, padding=1))
    own = {"channels": {"low": 0.25, "high": 1.0}, "round_to": 2}
    shown = "channels: {low: 0.25, high: 1.0}, round_to: 2}  # 3 -> 16, 3x3, 448 parameters"
    linear = {"kind": "linear", "alpha": 0.5}
    for rule, kind in ({"kind": "conv"}, "conv"), (linear, "linear], alpha: 0.5, coefficients: [full"):
        layers = {"0": own | rule, "*": LINEAR}
        plain = {"version": 1, "backbone": "*", "layers": layers, "min_share": 0.4}
        bound = bind(parse_space(plain, "f"), net, ModelSpec("net", 10, 3), (3, 8, 8))
        assert rows(bound) == [
            f'  "0": {{kind: [{kind}], {shown}',
            '  "1": {kind: [conv]}  # 16 -> 4, 1x1, 68 parameters; too small to matter',
            '  "2": {kind: [conv]}  # 4 -> 8, 3x3, 296 parameters; too small to matter',
        ]


def test_half_of_all_is_not_too_small_to_be_half_of_all() -> None:
    net = nn.Sequential(nn.Conv2d(8, 8, 1), nn.Conv2d(8, 8, 1))
    plain = {"version": 1, "backbone": "*", "layers": {"1": LINEAR}, "min_share": 0.5}
    assert whys(bind(parse_space(plain, "f"), net, ModelSpec("net", 10, 8))) == ["", ""]


def test_a_linear_layer_has_a_row_where_its_channels_may_go() -> None:
    ends = [nn.Conv2d(3, 8, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    net = nn.Sequential(*ends, nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 10))
    channels, shown = {"low": 0.5, "high": 1.0}, "channels: {low: 0.5, high: 1.0}"
    rules = {"3": {"channels": channels, "round_to": 3}, "0": {"kind": "conv", "channels": channels}}
    for others in ({}, {"*": {"kind": "conv"}}):
        plain = {"version": 1, "backbone": "*", "layers": rules | others}
        bound = bind(parse_space(plain, "f"), net, ModelSpec("net", 10, 3), (3, 8, 8))
        assert rows(bound) == [
            f'  "0": {{kind: [conv], {shown}, round_to: 1}}  # 3 -> 8, 1x1, 32 parameters',
            f'  "3": {{{shown}, round_to: 3}}  # 6 channels',
        ]


def test_a_layer_that_no_pattern_matches_is_plain() -> None:
    assert rows(bind_tiny({"point": LINEAR}))[:2] == [
        '  "first": {kind: [conv]}  # 3 -> 6, 3x3, 168 parameters',
        '  "grouped": {kind: [conv]}  # 6 -> 10, 3x3 in 2 groups, 270 parameters',
    ]


def test_ours_are_given_with_a_list_of_their_layers() -> None:
    text = to_yaml("base", bind_backbone("base", 1))
    head, _, listed = text.partition("\n\n# The convolutions of base, in order:\n")
    assert not head[-1].isspace() and head.count("version: 1\n") == 1
    assert listed.splitlines() == [
        "#   features.0: 1 -> 32, 3x3, 320 parameters",
        "#   features.4: 32 -> 64, 3x3, 18,496 parameters",
        "#   features.8: 64 -> 128, 3x3, 73,856 parameters",
        "#   features.12: 128 -> 256, 3x3, 295,168 parameters",
    ]
    assert listed.endswith("\n") and not listed.endswith("\n\n")


def test_generic_is_the_name_of_no_backbone() -> None:
    text = to_yaml("generic", bind_tiny({"*": {"kind": ["conv", "linear"], "alpha": 0.5}}))
    assert [line for line in text.splitlines() if line.startswith("backbone")] == ['backbone: "generic"']
    assert '"point": {kind: [conv, linear], alpha: 0.5, coefficients: [full]}' in text
