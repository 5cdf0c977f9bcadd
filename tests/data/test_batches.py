from __future__ import annotations

import numpy as np
import pytest
import torch
import torchvision.transforms.functional as TF

from lcsearch.core.errors import InputError
from lcsearch.data import Batches, DatasetInfo, Split
from lcsearch.data import batches as batches_module
from lcsearch.data.batches import random_crop, random_flip


def info(channels: int = 1, size: int = 8, *, flip: bool = True, crop: int = 1) -> DatasetInfo:
    mean, std = (0.1, 0.2, 0.3)[:channels], (0.5, 0.25, 0.4)[:channels]
    return DatasetInfo("made", 5, channels, size, mean, std, flip, crop)


def noise(n: int, channels: int = 1, size: int = 8) -> Split:
    """Image i is labelled i, so that what came out can be told."""
    images = np.random.default_rng(n).integers(0, 256, (n, channels, size, size), dtype=np.uint8)
    return Split(torch.from_numpy(images), torch.arange(n))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("padding", [1, 3, 8])
@pytest.mark.parametrize("channels", [1, 3])
def test_random_crop_is_pad_and_crop_of_each_image(padding: int, channels: int) -> None:
    images = noise(20, channels).images
    top, left = torch.randint(0, 2 * padding + 1, (2, 20), generator=seeded())
    got = random_crop(images, top, left, padding)
    for i in range(20):
        padded = TF.pad(images[i], [padding] * 4, fill=0)
        assert torch.equal(got[i], TF.crop(padded, int(top[i]), int(left[i]), 8, 8))


def test_random_flip_mirrors_columns_of_the_chosen() -> None:
    images = noise(6, 3).images
    got = random_flip(images, torch.tensor([True, False, True, False, False, True]))
    expected = images.numpy().copy()
    expected[[0, 2, 5]] = expected[[0, 2, 5]][..., ::-1]
    assert np.array_equal(got.numpy(), expected)


@pytest.mark.parametrize("channels", [1, 3])
def test_plain_batches_are_torchvisions_normalisation_in_order(channels: int) -> None:
    split, facts = noise(10, channels), info(channels)
    batches = Batches(split, facts, 4, augment=False)
    got = list(batches.epoch())
    assert len(batches) == 3 and [len(y) for _, y in got] == [4, 4, 2]
    x, y = (torch.cat(parts) for parts in zip(*got, strict=True))
    expected = TF.normalize(split.images.float() / 255, list(facts.mean), list(facts.std))
    assert x.dtype == torch.float32 and y.dtype == torch.int64
    torch.testing.assert_close(x, expected)
    assert y.tolist() == list(range(10))


def test_colour_batches_are_channels_last() -> None:
    for augment in (True, False):
        x, _ = next(Batches(noise(8, 3), info(3), 4, augment=augment).epoch(seeded()))
        assert x.is_contiguous(memory_format=torch.channels_last)


def test_augmented_epoch_is_a_shuffle_without_the_rest() -> None:
    batches = Batches(noise(10), info(), 4, augment=True)
    seen = [y for _, y in batches.epoch(seeded())]
    assert len(batches) == 2 and [len(y) for y in seen] == [4, 4]
    flat = torch.cat(seen).tolist()
    assert len(set(flat)) == 8 and flat != sorted(flat)


def test_over_epochs_every_image_is_used() -> None:
    batches, generator = Batches(noise(10), info(), 4, augment=True), seeded()
    seen = {int(y) for _ in range(20) for _, ys in batches.epoch(generator) for y in ys}
    assert seen == set(range(10))


def test_a_set_smaller_than_a_batch_is_one_batch() -> None:
    batches = Batches(noise(3), info(), 128, augment=True)
    got = list(batches.epoch(seeded()))
    assert len(batches) == len(got) == 1 and sorted(got[0][1].tolist()) == [0, 1, 2]


def test_without_crop_and_flip_only_the_order_changes() -> None:
    split = noise(8)
    plain = torch.cat([x for x, _ in Batches(split, info(), 8, augment=False).epoch()])
    x, y = next(Batches(split, info(), 8, augment=True, crop=0, flip=False).epoch(seeded()))
    assert torch.equal(x, plain[y])


def test_each_image_gets_its_own_crop_and_flip_and_all_of_them_come() -> None:
    # One bright pixel off the centre tells the shift and the flip; padding 1 gives 3 x 3 x 2 outcomes.
    images = torch.zeros(2000, 1, 8, 8, dtype=torch.uint8)
    images[:, :, 4, 2] = 255
    split = Split(images, torch.zeros(2000, dtype=torch.int64))
    x, _ = next(Batches(split, info(), 2000, augment=True).epoch(seeded()))
    spot = x.flatten(1).argmax(dim=1)
    counts = {divmod(int(k), 8): int(n) for k, n in zip(*spot.unique(return_counts=True), strict=True)}
    rows, mirrored = (3, 4, 5), {2: (1, 2, 3), 5: (4, 5, 6)}
    assert set(counts) == {(row, column) for row in rows for group in mirrored.values() for column in group}
    # 2000 / 18 = 111 expected; 5 standard deviations are 51.
    assert all(60 < n < 162 for n in counts.values())
    # Half of 2000, and five standard deviations of 22.
    assert 888 < sum(n for (_, column), n in counts.items() if column in mirrored[5]) < 1112


def test_the_data_sets_own_habits_hold_unless_told_otherwise() -> None:
    habits = Batches(noise(4), info(flip=False, crop=2), 2, augment=True)
    assert (habits.crop, habits.flip) == (2, False)
    told = Batches(noise(4), info(flip=False, crop=2), 2, augment=True, crop=0, flip=True)
    assert (told.crop, told.flip) == (0, True)


def test_equal_generator_states_give_equal_epochs() -> None:
    def epochs(generator: torch.Generator) -> list[torch.Tensor]:
        batches = Batches(noise(32), info(), 8, augment=True)
        return [torch.cat([x for x, _ in batches.epoch(generator)]) for _ in range(2)]

    first, again, other = epochs(seeded(3)), epochs(seeded(3)), epochs(seeded(4))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], first[1]) and not torch.equal(first[0], other[0])


def test_everything_is_drawn_at_the_start_of_the_epoch() -> None:
    # A checkpoint may be taken, or the global generator used, between two batches.
    batches, generator = Batches(noise(32), info(), 8, augment=True), seeded()
    epoch = batches.epoch(generator)
    state = generator.get_state()
    drawn = [x for x, _ in epoch]
    assert torch.equal(generator.get_state(), state)
    generator.manual_seed(0)
    again = batches.epoch(generator)
    generator.manual_seed(99)
    torch.manual_seed(5)
    assert all(torch.equal(a, x) for a, (x, _) in zip(drawn, again, strict=True))


def test_crop_and_flip_change_neither_order_nor_generator() -> None:
    states, orders = [], []
    for crop, flip in ((0, False), (1, True), (4, False)):
        generator = seeded(7)
        batches = Batches(noise(32), info(), 8, augment=True, crop=crop, flip=flip)
        orders.append(torch.cat([y for _, y in batches.epoch(generator)]))
        states.append(generator.get_state())
    assert torch.equal(orders[0], orders[1]) and torch.equal(orders[0], orders[2])
    assert torch.equal(states[0], states[1]) and torch.equal(states[0], states[2])


def test_places_in_the_split_come_with_the_batches() -> None:
    split = Split(noise(10).images, torch.arange(10) % 3)
    batches = Batches(split, info(), 4, augment=True)
    plain = list(batches.epoch(seeded(5)))
    for (x, y, chosen), (same_x, same_y) in zip(batches.indexed(seeded(5)), plain, strict=True):
        assert torch.equal(x, same_x) and torch.equal(y, same_y)
        assert torch.equal(y, split.labels[chosen])
    with pytest.raises(ValueError, match="Generator"):
        batches.indexed(None)


def test_a_view_shows_each_image_the_same_way_whatever_the_order() -> None:
    batches = Batches(noise(40), info(), 8, augment=True)
    shown = torch.cat(list(batches.view(seeded(3))))
    assert len(shown) == 40
    orders = []
    for order in (1, 2):
        seen = list(batches.indexed(seeded(order), seeded(3)))
        places = torch.cat([chosen for _, _, chosen in seen])
        assert torch.equal(torch.cat([x for x, _, _ in seen]), shown[places])
        orders.append(places)
    assert not torch.equal(*orders)
    assert not torch.equal(shown, torch.cat(list(batches.view(seeded(4)))))


def test_a_view_has_the_last_smaller_batch_too() -> None:
    assert [len(x) for x in Batches(noise(10), info(), 4, augment=True).view(seeded())] == [4, 4, 2]


def test_the_images_stay_as_they_were() -> None:
    split = noise(8)
    before = split.images.clone()
    for augment in (True, False):
        for x, _ in Batches(split, info(), 4, augment=augment).epoch(seeded()):
            x.zero_()
    assert torch.equal(split.images, before)


def test_augmentation_needs_a_generator() -> None:
    with pytest.raises(ValueError, match="Generator"):
        Batches(noise(4), info(), 2, augment=True).epoch()


@pytest.mark.parametrize(
    ("split", "batch_size", "crop", "said"),
    [
        (noise(4), 0, 1, "batch_size=0: at least 1"),
        (noise(4), 2, -1, "crop -1"),
        (noise(4), 2, 9, "crop 9: 0 to 8"),
        (noise(4, 3), 2, 1, r"made: images of shape \(3, 8, 8\); expected \(1, 8, 8\)"),
        (noise(4, 1, 6), 2, 1, r"images of shape \(1, 6, 6\)"),
        (noise(0), 2, 1, "made: 0 images"),
        (Split(noise(4).images, torch.arange(3)), 2, 1, "4 images with 3 labels"),
    ],
)
def test_wrong_input(split: Split, batch_size: int, crop: int, said: str) -> None:
    with pytest.raises(InputError, match=said):
        Batches(split, info(), batch_size, augment=True, crop=crop)


@pytest.mark.parametrize(("images", "at_once"), [(23, 2), (23, 99), (20, 3)])
@pytest.mark.parametrize("channels", [1, 3])
def test_batches_made_in_one_go_are_those_made_one_by_one(
    images: int, at_once: int, channels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = Batches(noise(images, channels), info(channels), 4, augment=True)
    one, views = list(batches.indexed(seeded(1))), list(batches.view(seeded(1)))
    monkeypatch.setattr(Batches, "_at_once", lambda _: at_once)
    for made, alone in zip(batches.indexed(seeded(1)), one, strict=True):
        for tensor, expected in zip(made, alone, strict=True):
            assert torch.equal(tensor, expected) and tensor.stride() == expected.stride()
    assert all(map(torch.equal, batches.view(seeded(1)), views))
    assert [len(made) for made in batches.view(seeded(1))] == [4] * (images // 4) + [images % 4] * (
        images % 4 > 0
    )


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_makes_the_batches_that_the_cpu_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    some, facts = noise(100, 3), info(3)
    expected = list(Batches(some, facts, 8, augment=True).indexed(seeded()))
    monkeypatch.setattr(batches_module, "_AT_ONCE", 3 * 8 * 3 * 8 * 8 * 4)
    for device, alone in zip(
        Batches(some, facts, 8, augment=True, device="cuda").indexed(seeded()), expected, strict=True
    ):
        for tensor, wanted in zip(device, alone, strict=True):
            torch.testing.assert_close(tensor.cpu(), wanted)
