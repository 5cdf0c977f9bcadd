"""Nets of timm by name, with the weights, the normalisation and the image size that timm has for them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import torch

from lcsearch.core.errors import InputError
from lcsearch.nets import backbones
from lcsearch.nets.head import head_of
from lcsearch.nets.replaceable import left_plain
from lcsearch.nets.standardised import ordinary_state
from lcsearch.nets.weights import for_pretrained, pretrained_size, pretrained_weights, read_weights
from lcsearch.search.options import resolve

timm = pytest.importorskip("timm", exc_type=ImportError)
NET = "timm:test_resnet"
"""Of 470,000 parameters; its images have 160 pixels, and are normalised by a half."""


def net(name: str = NET, classes: int = 10, channels: int = 3) -> torch.nn.Module:
    return backbones.build(name, num_classes=classes, in_channels=channels)


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> torch.nn.Module:
    """A net whose weights timm finds in a file instead of on the hub."""
    theirs = timm.create_model("test_resnet", num_classes=1000).eval()
    torch.save(theirs.state_dict(), tmp_path / "weights.pth")
    create = timm.create_model

    def from_file(name: str, pretrained: bool = False, **options: object) -> torch.nn.Module:
        where = {"file": str(tmp_path / "weights.pth")} if pretrained else None
        made: torch.nn.Module = create(name, pretrained, pretrained_cfg_overlay=where, **options)
        return made

    monkeypatch.setattr(timm, "create_model", from_file)
    return theirs


def test_a_net_has_the_classes_and_channels_that_are_asked_for() -> None:
    assert net(classes=7, channels=1)(torch.rand(2, 1, 64, 64)).shape == (2, 7)


def test_published_weights_compute_what_they_compute_in_timm(published: torch.nn.Module) -> None:
    ours, images = net(classes=1000).eval(), torch.rand(2, 3, 64, 64)
    given = pretrained_weights(NET, ours)
    ours.load_state_dict(given.state)
    torch.testing.assert_close(ours(images), published(images), rtol=0, atol=0)
    assert "normalised as the weights of timm:test_resnet expect" in given.said


def test_a_new_head_takes_all_but_the_last_layer(published: torch.nn.Module) -> None:
    ours = net(classes=7)
    with pytest.raises(
        InputError, match=r"is for 1000 classes, the data set has 7; new_head=True makes .* \(fc\)"
    ):
        pretrained_weights(NET, ours)
    fresh, head = ours.state_dict(), head_of(ours, (3, 64, 64))
    given = pretrained_weights(NET, ours, new_head=True, shape=(3, 64, 64)).state
    for name, value in published.state_dict().items():
        assert torch.equal(given[name], fresh[name] if name.startswith(f"{head}.") else value)


def test_a_checkpoint_of_timm_is_read(tmp_path: Path) -> None:
    theirs = timm.create_model("test_resnet", num_classes=10)
    torch.save({"epoch": 3, "arch": "test_resnet", "state_dict": theirs.state_dict()}, tmp_path / "last.pth")
    given = read_weights(tmp_path / "last.pth", net())
    assert all(torch.equal(given.state[name], value) for name, value in theirs.state_dict().items())


def test_a_run_from_published_weights_has_their_images() -> None:
    mean = timm.get_pretrained_cfg("test_resnet").mean
    assert for_pretrained(NET)[1].mean == tuple(mean) and pretrained_size(NET) == 160
    settings = resolve({"backbone": NET, "dataset": "digits", "init": "pretrained"})
    assert settings.image_size == 160 and settings.normalisation == for_pretrained(NET)[1]
    assert resolve({"backbone": NET, "init": "pretrained", "image_size": 64}).image_size == 64
    assert resolve({"backbone": NET}).image_size is None


def test_a_net_with_weight_standardisation_is_searched_whole_and_answers_as_timms(tmp_path: Path) -> None:
    theirs = timm.create_model("nf_resnet26", num_classes=10).eval()
    torch.save(theirs.state_dict(), tmp_path / "theirs.pth")
    ours, images = net("timm:nf_resnet26").eval(), torch.rand(1, 3, 64, 64)
    ours.load_state_dict(read_weights(tmp_path / "theirs.pth", ours).state)
    torch.testing.assert_close(ours(images), theirs(images), rtol=1e-4, atol=1e-5)
    assert not left_plain(ours)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("resnetv2_50x1_bit", 64),  # StdConv2d
        ("vit_small_r26_s32_224", 224),  # StdConv2dSame
        ("dm_nfnet_f0", 64),  # ScaledStdConv2dSame
    ],
)
def test_a_net_with_weight_standardisation_takes_timms_weights(name: str, size: int) -> None:
    theirs = timm.create_model(name, num_classes=10).eval()
    ours, images = net(f"timm:{name}").eval(), torch.rand(1, 3, size, size)
    ours.load_state_dict(ordinary_state(theirs.state_dict(), ours))
    torch.testing.assert_close(ours(images), theirs(images), rtol=1e-3, atol=1e-4)
    pads = {name for name, conv in theirs.named_modules() if getattr(conv, "same_pad", False)}
    wide = {name for name in pads if theirs.get_submodule(name).kernel_size != (1, 1)}
    assert {one.name for one in left_plain(ours)} == wide


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("timm:resnet19", r"timm has no net 'resnet19'; did you mean 'resnet1"),
        ("timm:resnet18.a1_in2k", r"timm has no weights 'a1_in2k' of resnet18; did you mean 'a1_in1k'"),
        (
            "timm:nf_resnet26.a1_in1k",
            "timm has no weights 'a1_in1k' of nf_resnet26; there are none of this net",
        ),
    ],
)
def test_unknown_names_are_said(name: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        net(name)


def test_a_net_without_published_weights_is_said() -> None:
    with pytest.raises(InputError, match="init='pretrained': timm has no weights of nf_resnet26"):
        for_pretrained("timm:nf_resnet26")


def test_weights_that_cannot_be_had_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no network\nand nothing in the cache")

    ours = net(classes=1000)
    monkeypatch.setattr(timm, "create_model", partial(refuse))
    tried = (
        r"tried the hub of Hugging Face and its cache \(HF_HOME\); without a network give a file of weights, "
    )
    with pytest.raises(
        InputError, match=rf"of timm:test_resnet cannot be had: .*network and nothing in the cache; {tried}"
    ):
        pretrained_weights(NET, ours)


def test_without_timm_its_install_line_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        InputError, match=r"backbone: needs timm, not installed here; pip install 'lcsearch\[timm\]'"
    ):
        net()
