"""What is looked at of convolutions' answers, and how much channels matter, against loops and exact sums."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from lcsearch.compress import responses

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("shape", "taken"),
    [((9, 1, 1000, 1000), 4), ((9, 3, 999, 1000), 4), ((3, 3, 1000, 1000), 3), ((9, 1, 2000, 3000), 2),
     ((1, 1, 8, 8), 1), ((9, 2, 1500, 1000), 2)],
)  # fmt: skip
def test_four_million_pixels_and_at_least_two_images_are_taken(shape: tuple[int, ...], taken: int) -> None:
    images = torch.arange(shape[0]).view(-1, 1, 1, 1).expand(shape)
    assert responses.at_once(images)[:, 0, 0, 0].tolist() == list(range(taken))


def test_samples_are_the_outputs_at_their_places() -> None:
    output, places = torch.randn(3, 4, 2, 5), torch.tensor([[9, 0, 3], [1, 1, 8], [5, 7, 2]])
    found = responses.sample(output, places)
    wanted = [output[n, :, place // 5, place % 5] for n in range(3) for place in places[n].tolist()]
    assert torch.equal(found, torch.stack(wanted))


def test_every_place_is_looked_at_where_there_are_few() -> None:
    for height, width in ((1, 1), (3, 5), (4, 4)):
        places = responses.draw_places(torch.Size((3, 7, height, width)), CPU)
        assert places.tolist() == [list(range(height * width))] * 3


def test_sixteen_places_are_drawn_for_each_image_and_always_the_same() -> None:
    shape = torch.Size((500, 2, 17, 1))
    places = responses.draw_places(shape, CPU)
    assert places.shape == (500, 16) and places.dtype == torch.int64
    assert all(len(set(own)) == 16 and max(own) <= 16 for own in places.tolist())
    left_out = (136 - places.sum(1)).bincount(minlength=17)
    assert len(left_out) == 17 and int(left_out.min()) > 10, "any of them"
    torch.manual_seed(7)
    before = torch.get_rng_state()
    assert torch.equal(responses.draw_places(shape, CPU), places)
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(responses.draw_places(torch.Size((500, 2, 9, 2)), CPU), places)
    assert responses.draw_places(torch.Size((2, 1, 6, 4)), CPU).max() > 16


class Even(nn.Module):
    """Believes in both of two classes alike, whatever comes in: half the score goes back for either."""

    def __init__(self, size: float) -> None:
        super().__init__()
        self.conv, self.drop = nn.Conv2d(1, 4, 1), nn.Dropout(0.5)
        self.factors = size * torch.tensor([1.0, 4.0, 0.5, 0.0]).view(-1, 1, 1)
        self.seen: list[int] = []

    def forward(self, images: Tensor) -> Tensor:
        self.seen.append(len(images))
        maps = self.drop(self.conv(images))
        score = (maps.square() * self.factors).sum((1, 2, 3))
        return torch.stack([score - score.detach(), torch.zeros_like(score)], 1)


@pytest.mark.parametrize(("count", "size"), [(3, 1.0), (3, 1e-4), (33, 1.0), (70, 1.0)])
def test_importance_is_exact_where_no_draw_matters(count: int, size: float) -> None:
    """The gradient with respect to a value y of channel c is 2 f y times 1/2 or -1/2, for its factor f."""
    torch.manual_seed(0)
    model, images = Even(size), torch.randn(count, 1, 3, 2) * torch.arange(1.0, count + 1).view(-1, 1, 1, 1)
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    with torch.no_grad():
        values = model.conv(images).double()
        found = responses.importance(model, {"a": model.conv}, images)["a"]
    sizes = (values * model.factors).square().sum((0, 2, 3)).sqrt()
    wanted = (sizes / sizes.mean()).clamp_min(responses.LEAST_WEIGHT)
    assert found.dtype == torch.float64 and found.device == CPU
    assert torch.allclose(found, wanted, rtol=1e-5, atol=0)
    assert sum(model.seen) == count and max(model.seen) <= 32 and min(model.seen) > 1
    assert model.training and model.drop.training and images.grad is None
    assert not any(module._forward_hooks for module in model.modules())


class Sure(nn.Module):
    """Believes in three classes by fixed chances; each score has a channel of its own."""

    chances = (0.6, 0.3, 0.1)

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 3, 1)

    def forward(self, images: Tensor) -> Tensor:
        scores = self.conv(images).mean((2, 3))
        return scores - scores.detach() + torch.tensor(self.chances).log()  # type: ignore[no-any-return]


def test_classes_are_drawn_as_the_model_believes() -> None:
    """The gradient of score k is p - 1 with chance p, and else p: its mean square is p (1 - p)."""
    torch.manual_seed(0)
    model, images = Sure(), torch.zeros(2048, 1, 1, 1)
    found = responses.importance(model, {"a": model.conv}, images)["a"]
    wanted = torch.tensor([p * (1 - p) for p in Sure.chances], dtype=torch.float64).sqrt()
    assert torch.allclose(found, wanted / wanted.mean(), rtol=0.1)
    before = torch.get_rng_state()
    again = responses.importance(model, {"a": model.conv}, images)["a"]
    assert torch.equal(again, found) and torch.equal(torch.get_rng_state(), before)
    assert all(parameter.grad is None for parameter in model.parameters())


class Odd(nn.Module):
    """One convolution without gradients, one that gets no batch, and a usual one."""

    def __init__(self, end: Any) -> None:
        super().__init__()
        self.cut, self.single, self.usual = (nn.Conv2d(2, 2, 1) for _ in range(3))
        self.end = end

    def forward(self, images: Tensor) -> Any:
        with torch.no_grad():
            x = self.cut(images)
        x = images + torch.stack([self.single(image) for image in x + images])
        return self.end(self.usual(x))


def pooled(maps: Tensor) -> Tensor:
    return maps.mean((2, 3))


def important(end: Any, images: Tensor) -> dict[str, Tensor]:
    torch.manual_seed(0)
    model = Odd(end)
    return responses.importance(model, dict(model.named_children()), images)  # type: ignore[arg-type]


def test_convolutions_without_gradients_or_batch_are_left_out() -> None:
    assert list(important(pooled, torch.randn(6, 2, 3, 3))) == ["usual"]


@pytest.mark.parametrize(
    "end",
    [
        lambda maps: {"scores": pooled(maps)},
        lambda maps: maps.mean((1, 2, 3)),
        lambda maps: maps,
        lambda maps: pooled(maps).detach(),
        lambda maps: pooled(maps) * float("nan"),
    ],
    ids=["no tensor", "no classes", "maps", "no gradients", "no numbers"],
)
def test_a_model_that_gives_no_classes_says_nothing(end: Any) -> None:
    assert important(end, torch.randn(6, 2, 3, 3)) == {}


class Recomputed(nn.Module):
    """Computes its second half again in the backward pass, in PyTorch's old way."""

    def __init__(self, again: bool) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(2, 3, 3), nn.Conv2d(3, 4, 3)
        self.again = again

    def forward(self, images: Tensor) -> Tensor:
        def half(x: Tensor) -> Tensor:
            return self.two(x.relu()).square()  # type: ignore[no-any-return]

        x = self.one(images)
        return pooled(checkpoint(half, x, use_reentrant=True) if self.again else half(x))


def test_activations_that_are_computed_again_matter_as_much() -> None:
    kept, again = Recomputed(False), Recomputed(True)
    again.load_state_dict(kept.state_dict())
    again.two.bias.requires_grad_(False)  # type: ignore[union-attr]
    images = torch.randn(6, 2, 7, 7)
    found = [responses.importance(m, {"one": m.one, "two": m.two}, images) for m in (kept, again)]
    assert found[0].keys() == found[1].keys() == {"one", "two"}
    assert all(torch.equal(found[0][name], found[1][name]) for name in ("one", "two"))
    learns = {name: parameter.requires_grad for name, parameter in again.named_parameters()}
    assert learns == {"one.weight": True, "one.bias": True, "two.weight": True, "two.bias": False}


def test_a_model_that_does_not_look_at_the_images_says_nothing() -> None:
    conv = nn.Conv2d(2, 2, 1)

    class Blind(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return pooled(conv(torch.ones_like(images)))

    assert responses.importance(Blind(), {"a": conv}, torch.randn(4, 2, 3, 3)) == {}


@pytest.mark.parametrize("factor", [0.0, 1e30])
def test_channels_count_alike_where_gradients_vanish_or_overflow(factor: float) -> None:
    found = important(lambda maps: pooled(maps - maps.detach()) * factor, torch.randn(6, 2, 3, 3))
    assert found["usual"].tolist() == [1.0, 1.0]


def test_half_precision_will_do() -> None:
    found = important(lambda maps: pooled(maps).bfloat16(), torch.randn(6, 2, 3, 3))
    assert list(found) == ["usual"] and float(found["usual"].mean()) == pytest.approx(1.0)


def test_norms_are_batch_norm_layers_that_keep_statistics() -> None:
    model = nn.Sequential(
        nn.BatchNorm1d(2), nn.BatchNorm2d(2, track_running_stats=False), nn.GroupNorm(1, 2),
        nn.Sequential(nn.BatchNorm3d(3)), nn.InstanceNorm2d(2, track_running_stats=True), nn.SyncBatchNorm(2),
    )  # fmt: skip
    assert responses.norms(model) == [model[0], model[3][0], model[5]]


def test_what_a_linear_layer_answers_is_a_map_of_as_many_places_as_it_was_asked_of() -> None:
    layer = nn.Linear(3, 5)
    answer = layer(torch.randn(2, 4, 6, 3)).detach()
    found = responses.as_map(layer, answer)
    assert found is not None and found.shape == (2, 5, 24, 1)
    for image in range(2):
        for place in range(24):
            assert torch.equal(found[image, :, place, 0], answer[image, place // 6, place % 6])
    single = torch.ones(1, 1)
    for flat in (torch.randn(2, 5), single):
        found = responses.as_map(layer, flat)
        assert found is not None and torch.equal(found, flat[:, :, None, None])
    assert responses.as_map(layer, torch.randn(5)) is None
    assert responses.as_map(layer, torch.randn(0, 5)) is None
    maps, conv = torch.randn(2, 3, 4, 4), nn.Conv2d(3, 3, 1)
    assert responses.as_map(conv, maps) is maps and responses.as_map(conv, maps[0]) is None


class Two(nn.Module):
    """A hidden linear layer that is asked of each of six tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.head = nn.Linear(4, 3), nn.Linear(3, 2)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.hidden(images.flatten(2).transpose(1, 2)).square().mean(1))  # type: ignore[no-any-return]


def test_linear_layers_matter_as_convolutions_of_one_number_do() -> None:
    torch.manual_seed(0)
    model, images = Two(), torch.randn(5, 4, 2, 3)
    same = nn.Sequential(nn.Conv2d(4, 3, 1), Square(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), model.head)
    same[0].weight.data = model.hidden.weight.data[:, :, None, None]
    same[0].bias.data = model.hidden.bias.data
    linear = responses.sensitivities(model, {"a": model.hidden}, images)["a"]
    assert torch.allclose(linear, responses.sensitivities(same, {"a": same[0]}, images)["a"])


class Square(nn.Module):
    def forward(self, maps: Tensor) -> Tensor:
        return maps.square()


def test_a_response_of_some_outputs() -> None:
    """Of three filters with a map each the last and the first."""
    torch.manual_seed(0)
    conv, norm = nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3)
    model, images = nn.Sequential(conv, norm, nn.Flatten(), nn.Linear(3 * 5 * 6, 4)), torch.randn(4, 1, 7, 8)
    whole = responses.record(model, {"a": conv}, images)["a"]
    left = torch.tensor([2, 0])
    found = whole.only(left)
    assert found.shape == (4, 2, 5, 6) and found.normalised and torch.equal(found.places, whole.places)
    assert torch.equal(found.samples, torch.stack([whole.samples[:, 2], whole.samples[:, 0]], 1))
    assert found.mean.tolist() == [whole.mean[2], whole.mean[0]]
    assert found.weight.tolist() == [whole.weight[2], whole.weight[0]]
