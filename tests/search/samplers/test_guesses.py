"""What is guessed of accuracies: the logarithm of what they fall short of the best."""

from __future__ import annotations

import numpy as np
import pytest
from gaussian_by_hand import SLOPES, by_hand

from lcsearch.search.samplers._guesses import Guesses
from lcsearch.search.samplers._surrogate import Inputs

ONE = np.zeros(1, dtype=bool)


@pytest.mark.parametrize("hinted", [False, True])
@pytest.mark.parametrize("singles", [0, 1])
@pytest.mark.parametrize("seed", range(4))
def test_a_gaussian_process_learns_the_logarithm_of_the_shortfall(
    seed: int, singles: int, hinted: bool
) -> None:
    """Beside a power law of 0.4 over the layers, of two numbers each, and of 0.5 over the channels."""
    rng = np.random.default_rng(seed)
    features, sizes = rng.uniform(-2, 0, (30, 5)), rng.uniform(9, 13, 30)
    accuracy = 90 - np.exp(0.5 - features[:, 0] - features[:, 2] * features[:, 4]) + rng.normal(0, 0.3, 30)
    hints = rng.normal(size=(30, 2)) if hinted else None
    trained, asked = (
        Inputs(features[part], sizes[part], None if hints is None else hints[part])
        for part in (slice(0, 20), slice(20, 30))
    )
    accuracy, predicted = accuracy[:20], np.arange(20) % 3 == 0
    noise = np.where(predicted, 0.8, 0.35)
    fitted = Guesses(
        trained,
        accuracy,
        noise,
        predicted,
        block=2,
        blocks=2,
        singles=singles,
        slopes=SLOPES if hinted else None,
    )

    def law(inputs: Inputs) -> np.ndarray:
        layers = 0.4 * (inputs.features[:, 0] + inputs.features[:, 2]) / 2
        return layers + 0.5 * inputs.features[:, 4] if singles else layers

    short = max(accuracy) + 1 - accuracy
    own = noise / short, predicted, 0.2 / short * predicted
    slopes = SLOPES / np.median(short)
    mean, spread, known = by_hand(trained, np.log(1 / short) - law(trained), *own, asked, singles, slopes)
    middle = max(accuracy) + 1 - np.exp(-(mean + law(asked)))
    found = fitted.guess(asked)
    assert found[0] == pytest.approx(middle)
    assert found[1] == pytest.approx(spread * np.exp(-(mean + law(asked))))
    assert fitted.fitted == pytest.approx(max(accuracy) + 1 - np.exp(-(known + law(trained))))


def test_before_there_is_more_than_one_trial_the_shortfall_is_a_power_of_what_is_kept() -> None:
    """Two layers of three numbers and two choices of channels; only the first number of a layer counts."""
    features = np.zeros((6, 9))
    for row, place in enumerate((0, 3, 6, 1, 8), start=1):
        features[row, place] = np.log(0.5)
    inputs = Inputs(features, np.full(6, 10.0))
    fitted = Guesses(inputs[[0]], np.array([90.0]), np.ones(1), ONE, block=3, blocks=2, singles=2)
    short = 91 - fitted.guess(inputs)[0]
    assert short / short[0] == pytest.approx([1.0, 2**0.2, 2**0.2, 2**0.25, 1.0, 1.0])


@pytest.mark.parametrize(("own", "power"), [({"blocks": 0, "singles": 1}, 0.5), ({"blocks": 1}, 0.4)])
def test_a_space_may_have_only_channels_or_only_layers(own: dict[str, int], power: float) -> None:
    inputs = Inputs(np.array([[0.0], [-1.0]]), np.full(2, 10.0))
    fitted = Guesses(inputs[[0]], np.array([90.0]), np.ones(1), ONE, block=1, **own)
    short = 91 - fitted.guess(inputs)[0]
    assert short[1] / short[0] == pytest.approx(np.exp(power))
