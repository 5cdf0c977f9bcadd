"""What each layer loses alone, against models that are compressed and run whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial

import pytest
import torch
import torch.nn.functional as F

from lcsearch.compress import sensitivity
from lcsearch.compress.batch_norm import reestimate
from lcsearch.compress.fit import compress_trained
from lcsearch.compress.sensitivity import Sensitivity, measure
from lcsearch.core.errors import InputError
from lcsearch.core.spec import ModelSpec
from lcsearch.data import Batches, DatasetInfo, SearchData, Split
from lcsearch.layers.families.linear import FAMILY, LinearSpec
from lcsearch.layers.family import Way
from lcsearch.layers.shape import ConvShape
from lcsearch.nets import surgery
from lcsearch.nets.replaceable import conv_layers

INFO = DatasetInfo("drawn", 10, 3, 16, (0.5,) * 3, (0.25,) * 3, False, 2)


def images(count: int) -> Split:
    return Split(torch.randint(0, 256, (count, 3, 16, 16), dtype=torch.uint8), torch.randint(0, 10, (count,)))


@pytest.fixture(scope="module")
def data() -> SearchData:
    torch.manual_seed(0)
    return SearchData(INFO, images(sensitivity.FIT_IMAGES + 100), images(80))


def ways(alphas: Sequence[float], ratios: Sequence[float] = ()) -> Callable[[ConvShape], Sequence[Way]]:
    """LinearConv layers of these alphas, with full coefficients and with ranks of these shares."""
    return partial(FAMILY.ways_of, alphas=alphas, ratios=ratios)


def normalised(split: Split) -> torch.Tensor:
    return next(iter(Batches(split, INFO, len(split), augment=False).epoch()))[0]


def sharp(name: str, width: float = 0.25) -> torch.nn.Module:
    """A net whose answers are far apart, as a trained one's are."""
    torch.manual_seed(1)
    model = surgery.build_model(ModelSpec(name, 10, 3, width)).eval()
    for module in model.modules():
        if isinstance(module, torch.nn.Linear):
            with torch.no_grad():
                module.weight.mul_(10)
    return model


@pytest.mark.slow
@pytest.mark.parametrize("name", ["squeezenet", "resnet18", "base"])
def test_rows_are_those_of_models_that_are_run_whole(name: str, data: SearchData) -> None:
    model = sharp(name)
    judged = Split(data.train.images[sensitivity.FIT_IMAGES :], data.train.labels[sensitivity.FIT_IMAGES :])
    x, fitted = normalised(judged), normalised(data.train)[: sensitivity.FIT_IMAGES]
    reestimate(model, fitted)
    found = measure(model, list(conv_layers(model))[1:4], data, ways=ways((0.25,)))
    plain = model(x).detach()
    assert found.images == 100 and found.rows
    assert found.baseline_loss == pytest.approx(float(F.cross_entropy(plain, judged.labels)), rel=1e-5)
    for row in found.rows:
        made = compress_trained(model, {row.layer: row.way.spec}, fitted).eval()
        reestimate(made, fitted)
        own = made(x).detach()
        wanted = F.kl_div(own.log_softmax(1), plain.log_softmax(1), reduction="batchmean", log_target=True)
        # Later batch norm layers are estimated again here, but not there.
        assert row.divergence == pytest.approx(float(wanted), rel=0.25, abs=1e-4)
        assert row.way.params == sum(p.numel() for p in made.get_submodule(row.layer).parameters())


def test_losses_are_measured_in_bfloat16_where_that_is_asked_for(data: SearchData) -> None:
    """What is fitted is in float32, so that rows differ by the rounding of answers alone."""
    model, heard = sharp("base"), list[tuple[bool, int]]()

    def hear(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        heard.append((torch.is_autocast_enabled("cpu"), len(inputs[0])))

    model.register_forward_pre_hook(hear)
    made = ways((0.25,), (0.5, 0.25))
    exact, rounded = (
        measure(model, ["features.4"], data, ways=made, precision=precision)
        for precision in ("float32", "bfloat16")
    )
    runs = heard[len(heard) // 2 :]
    assert [rounding for rounding, _ in heard[: len(heard) // 2]] == [False] * len(runs)
    judged = (1 + len(rounded.rows)) * 2  # of 100 images in two batches, once as it is
    assert [rounding for rounding, _ in runs] == [False] * (len(runs) - judged) + [True] * judged
    assert len(runs) > judged and exact != rounded
    for one, other in zip(exact.rows, rounded.rows, strict=True):
        assert other.divergence == pytest.approx(one.divergence, rel=0.05, abs=2e-3)


def test_what_is_compressed_harder_loses_more(data: SearchData) -> None:
    model = sharp("base")
    found = measure(model, ["features.4"], data, ways=ways((0.5, 0.25, 0.125)))
    losses = [row.divergence for row in found.rows]
    assert losses == sorted(losses) and losses[0] >= 0
    assert [row.way.params for row in found.rows] == sorted(
        (row.way.params for row in found.rows), reverse=True
    )


def test_the_model_and_the_random_numbers_are_left_alone(data: SearchData) -> None:
    model = sharp("base").train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    drawn = torch.get_rng_state()
    said: list[str] = []
    found = measure(model, ["features.4"], data, ways=ways((0.25,), (0.5, 0.25)), progress=said.append)
    assert torch.equal(torch.get_rng_state(), drawn) and model.training and said
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any("forward" in vars(module) or module._forward_hooks for module in model.modules())
    assert found == measure(model, ["features.4"], data, ways=ways((0.25,), (0.5, 0.25)))


def test_the_model_is_put_back_where_progress_raises(data: SearchData) -> None:
    model = sharp("base")

    def leave(words: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure(model, ["features.4"], data, progress=leave)
    assert not any("forward" in vars(module) for module in model.modules())


def test_validation_images_judge_where_training_images_are_few() -> None:
    torch.manual_seed(0)
    few = SearchData(INFO, images(40), images(70))
    assert measure(sharp("base"), ["features.4"], few, ways=ways((0.25,), (0.5, 0.25))).images == 70


class InPlace(torch.nn.Module):
    """Changes what a convolution said, in place and not idempotently."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = torch.nn.Conv2d(3, 8, 3), torch.nn.Conv2d(8, 16, 3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.second(self.first(images).add_(1.0).mul_(2.0)).mean((2, 3))  # type: ignore[no-any-return]


def test_what_was_kept_is_not_changed_in_place(data: SearchData) -> None:
    torch.manual_seed(0)
    model = InPlace().eval()
    one, two = (
        measure(model, ["second"], data, ways=ways(alphas, (0.5, 0.25))) for alphas in ((0.5, 0.25), (0.25,))
    )
    assert one.rows[-1] == two.rows[-1]


def test_a_round_trip_through_json(data: SearchData) -> None:
    found = measure(sharp("base"), ["features.4", "features.8"], data, ways=ways((0.25, 0.125), (0.5, 0.25)))
    assert Sensitivity.from_plain(json.loads(json.dumps(found.to_plain()))) == found


def test_what_version_0_1_wrote_is_read() -> None:
    row = {"layer": "a", "alpha": 0.25, "rank": 8, "ratio": 0.5, "params": 900, "loss": 1.0, "accuracy": 80.0}
    plain = {"baseline_loss": 0.5, "baseline_accuracy": 90.0, "images": 100}
    (found,) = Sensitivity.from_plain({**plain, "rows": [{**row, "divergence": 0.1}]}).rows
    assert (found.way.spec, found.way.params, found.way.label) == (
        LinearSpec(0.25, 8),
        900,
        "1/4, rank 1/2 p",
    )


def test_wrong_names_and_weights_are_refused(data: SearchData) -> None:
    model = sharp("base")
    with pytest.raises(InputError, match=r"no convolution 'features\.1'"):
        measure(model, ["features.1"], data)
    with torch.no_grad():
        model.get_submodule("features.4").weight.fill_(float("nan"))  # type: ignore[union-attr, operator]
    with pytest.raises(InputError, match=r"layers\.features\.4: the trained weights hold NaN"):
        measure(model, ["features.4"], data)
