from __future__ import annotations

import pytest
from hand_made import make_run, make_trial

from lcsearch.core.records import RetrainRecord
from lcsearch.report.verdict import verdict


def hand_picked():
    """A backbone of 9M; at 90 % uniform alpha needs 3M, and a thinner net 2M."""
    return [
        make_trial(0, 93.0, 9_000_000, "baseline"),
        make_trial(1, 93.2, 3_000_000, "uniform"),
        make_trial(2, 90.0, 1_000_000, "uniform"),
        make_trial(3, 93.2, 2_000_000, "thinner"),
        make_trial(4, 90.0, 500_000, "thinner"),
    ]


def test_the_search_beats_both():
    found = verdict(make_run(*hand_picked(), make_trial(5, 93.4, 900_000), make_trial(6, 91.0, 100_000)))
    assert found.heading == "Provisional: best of 2 trials, one seed"
    assert found.against == {"by hand": "beat", "uniform": "beat", "thinner": "beat"}
    # Sizes by hand: 1M to 3M over 3.2 points; 93.0 lies 3/3.2 of the way: exp(ln 1M + 0.9375 ln 3).
    # The search: 100k to 900k over 2.4 points, 93.0 at 2/2.4 of the way; the error is 0.255 points.
    assert found.sentences[0].startswith(
        "At the backbone's accuracy (93.0 %) the search needs 624k parameters (494k to 788k), 14× fewer than "
        "the backbone's 9.00M; uniform alpha needs 2.80M, a thinner net needs 1.83M."
    )
    assert found.targets[0].needed["uniform"].params == pytest.approx(1e6 * 3**0.9375)
    assert "The search beat the best models picked by hand." in found.sentences


def test_the_whole_range_of_the_front_is_compared():
    """Thinner nets have 90.0 % at 500k and 93.2 % from 2M on, the search 91.0 % at 500k and 93.4 % at 2M."""
    trials = [make_trial(0, 93.0, 9_000_000, "baseline"), *hand_picked()[3:]]
    found = verdict(make_run(*trials, make_trial(5, 93.4, 2_000_000), make_trial(6, 91.0, 500_000)))
    assert found.sentences[1] == (
        "From 500k to 2.00M parameters the search is 0.60 points ahead of a thinner net in the mean "
        "(+0.20 to +1.00)."
    )
    assert found.against == {"thinner": "beat"}
    assert found.sentences[2] == "The search beat a thinner net."


def test_of_all_hand_picked_models_the_best_at_each_size_counts():
    """Uniform alpha is best at 3M, the thinner net cut out at 500k: the search lies between at both."""
    by_hand = [
        make_trial(0, 93.0, 9_000_000, "baseline"),
        make_trial(1, 92.0, 3_000_000, "uniform"),
        make_trial(2, 80.0, 500_000, "uniform"),
        make_trial(3, 90.0, 3_000_000, "thinner"),
        make_trial(4, 85.0, 500_000, "thinner cut"),
    ]
    found = verdict(make_run(*by_hand, make_trial(5, 91.0, 3_000_000), make_trial(6, 83.0, 500_000)))
    assert found.against == {
        "by hand": "not beaten",
        "uniform": "mixed",
        "thinner": "beat",
        "thinner cut": "mixed",
    }
    assert found.sentences[2] == (
        "From 500k to 3.00M parameters the search is 1.50 points behind the best models picked by hand in "
        "the mean (-2.00 to -1.00)."
    )
    assert found.sentences[3:6] == (
        "The search beat a thinner net.",
        "The search beat uniform alpha and a thinner net cut out of the backbone at some sizes, and was "
        "beaten at others.",
        "The search did not beat the best models picked by hand.",
    )


def test_models_smaller_than_all_picked_by_hand_are_compared_with_nothing():
    found = verdict(make_run(*hand_picked(), make_trial(5, 92.0, 1_000_000), make_trial(6, 80.0, 100_000)))
    assert "With the searched models from 100k to 500k there is nothing to compare." in found.sentences


def test_it_says_plainly_when_the_search_lost():
    found = verdict(make_run(*hand_picked(), make_trial(5, 93.0, 2_500_000)))
    assert found.against == {"by hand": "not beaten", "uniform": "unclear", "thinner": "not beaten"}
    assert "The search did not beat the best models picked by hand." in found.sentences


def test_a_difference_within_chance_is_not_a_win():
    """Half a point ahead of the thinner nets at both sizes."""
    trials = [make_trial(0, 94.0, 9_000_000, "baseline"), *hand_picked()[3:]]
    trials += [make_trial(5, 93.7, 2_000_000), make_trial(6, 90.5, 500_000)]
    sure = verdict(make_run(*trials, images=10_000))
    unsure = verdict(make_run(*trials, images=1_000))
    unknown = verdict(make_run(*trials, images=None))
    assert sure.against["thinner"] == "beat"
    assert unsure.against["thinner"] == unknown.against["thinner"] == "unclear"
    assert any("within chance" in s for s in unsure.sentences)
    assert not any("standard error" in s for s in unknown.sentences)


def test_the_standard_error_is_binomial():
    # sqrt(0.93 * 0.07 / 10000) = 0.00255
    found = verdict(make_run(*hand_picked(), make_trial(5, 93.0, 900_000)))
    assert any("±0.26 points (10,000 validation images)" in s for s in found.sentences)


def test_an_accuracy_nobody_reached_is_not_invented():
    found = verdict(make_run(*hand_picked(), make_trial(5, 92.7, 900_000)))
    assert found.sentences[0].startswith("No searched model smaller than the backbone reached")
    assert "uniform alpha did with 2.80M, a thinner net did with 1.83M" in found.sentences[0]
    assert found.sentences[1].startswith("Within 0.5 points of it (92.5 %) the search needs at most 900k")
    assert set(found.targets[0].needed) == {"uniform", "thinner", "by hand"}


def test_nothing_near_the_backbone_is_a_loss():
    found = verdict(make_run(*hand_picked(), make_trial(5, 60.0, 900_000)))
    # The line from 60 % to the backbone passes 92 % at some size, but no searched model backs it.
    assert found.sentences[0].startswith(
        "The search found no model smaller than the backbone within 2 points"
    )
    assert "The search did not beat the best models picked by hand." in found.sentences


def test_hand_picked_models_do_not_count_as_the_search():
    found = verdict(make_run(*hand_picked()))
    assert found.heading == "Too early for a verdict"
    assert found.sentences == (
        "The backbone reached 93.0 % with 9.00M parameters; no searched trial has finished yet.",
    )


def test_without_a_backbone():
    failed = make_trial(0, None, 9_000_000, "baseline", "failed")
    found = verdict(make_run(failed, make_trial(5, 93.0, 900_000)))
    assert found.sentences == ("The plain backbone has not finished, so there is nothing to compare with.",)


def test_without_hand_picked_models():
    found = verdict(make_run(make_trial(0, 93.0, 9_000_000, "baseline"), make_trial(5, 93.0, 900_000)))
    assert found.against == {}
    assert "10× fewer" in found.sentences[0]


def test_duplicates_are_not_counted():
    trials = [
        *hand_picked(),
        make_trial(5, 93.0, 900_000),
        make_trial(6, 93.0, 900_000, duplicate_of=5),
    ]
    assert "best of 1 trial," in verdict(make_run(*trials)).heading


def test_a_hand_picked_model_found_again_is_not_found():
    again = make_trial(5, 90.0, 1_000_000, duplicate_of=2)
    assert verdict(make_run(*hand_picked(), again)).heading == "Too early for a verdict"


def test_a_hand_picked_model_that_repeats_another_counts_for_its_kind():
    found = verdict(
        make_run(
            make_trial(0, 93.0, 9_000_000, "baseline"),
            make_trial(1, 93.2, 3_000_000, "given"),
            make_trial(2, 93.2, 3_000_000, "uniform", duplicate_of=1),
        )
    )
    assert found.against == {"uniform": "not beaten"}


def test_after_retraining_test_means_speak():
    trials = [*hand_picked(), make_trial(5, 93.0, 900_000)]
    retrained = (
        RetrainRecord(0, 30, (0, 1, 2), (94.0, 94.1, 93.9), 10_000),
        RetrainRecord(1, 30, (0, 1, 2), (94.2, 94.2, 94.2), 10_000),
        RetrainRecord(5, 30, (0, 1, 2), (94.3, 94.3, 94.3), 10_000),
    )
    found = verdict(make_run(*trials, retrained=retrained))
    assert found.heading == "Final: test accuracy, mean of 3 seeds"
    assert found.sentences[0].startswith("At the backbone's accuracy (94.0 %) the search needs at most 900k")
    assert set(found.against) == {"uniform"}


def test_retraining_without_the_backbone_stays_provisional():
    trials = [*hand_picked(), make_trial(5, 93.0, 900_000)]
    found = verdict(make_run(*trials, retrained=(RetrainRecord(5, 30, (0,), (94.3,), 10_000),)))
    assert found.heading.startswith("Provisional")
