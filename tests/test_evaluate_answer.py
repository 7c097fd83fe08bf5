"""What is said of results: each case, from results made by hand, and nothing beyond the numbers."""

import dataclasses
import itertools

import numpy as np
import pytest
from scipy import stats
from synthetic_runs import CALIBRATED, OVER, UNDER, UNEVEN, made, results, with_full

from keras_mix.evaluate import Outcome, Results, Run, answer, confidence, verdict

TEMPERATURE = "keras_mix.calibration.TemperatureScaling"


def seeds(mixer, *accuracies, **numbers):
    """Runs at the seeds 0, 1, …; a number given as a list has one value for each."""
    return [
        made(mixer, seed, accuracy, **{name: _at(value, seed) for name, value in numbers.items()})
        for seed, accuracy in enumerate(accuracies)
    ]


def _at(value, seed):
    if isinstance(value, dict):
        return {name: _at(part, seed) for name, part in value.items()}
    return value[seed] if isinstance(value, list) else value


NONE = seeds("none", 0.80, 0.81, 0.82)
BETTER = (0.90, 0.912, 0.92)
WORSE = (0.70, 0.712, 0.72)
SAME = (0.81, 0.80, 0.83)
# Half a nat less or more after a temperature, the same to a hundredth.
SURER = {"nll": [0.10, 0.11, 0.10]}
VAGUER = {"nll": [0.40, 0.41, 0.40]}


def said(*runs, **settings):
    return answer(results(list(itertools.chain(*runs)), **settings))


def test_a_gain_names_score_size_interval_and_seeds():
    found = said(NONE, seeds("mixup", *BETTER))
    interval = stats.ttest_rel(BETTER, [run.accuracy for run in NONE]).confidence_interval(0.95)
    low, high = (f"{100 * end:+.1f}" for end in interval)
    assert found.outcome is Outcome.GAIN
    assert found.sentences[0] == (
        "mixup gains beyond chance in accuracy (91.1 against 81.0\xa0% without mixing, 95 % "
        f"interval of the difference {low} to {high}) over 3 seeds."
    )


def test_a_loss_says_what_to_do_and_what_does_not_lose():
    found = said(NONE, seeds("mixup", *WORSE), seeds("cutmix", *SAME))
    assert found.outcome is Outcome.LOSS
    assert found.sentences[0].startswith("No mixer gains, and mixup loses beyond chance in accur")
    (advice,) = [line for line in found.advice if line.startswith("Mix less than mixup: ")]
    for way_out in ("a smaller alpha", "unmixed_epochs", "RegMixup", "or take cutmix."):
        assert way_out in advice


def test_a_loser_is_not_replaced_by_another():
    found = said(NONE, seeds("mixup", *WORSE), seeds("cutmix", *WORSE))
    assert found.sentences[0].endswith("over 3 seeds; cutmix loses in accuracy.")
    assert not any("or take" in line for line in found.advice)


def test_one_mixer_may_gain_in_one_score_and_lose_in_another():
    found = said(NONE, seeds("mixup", *BETTER, scaled=VAGUER))
    assert found.outcome is Outcome.BOTH
    assert "mixup gains beyond chance in accuracy (" in found.sentences[0]
    assert (
        ") and loses beyond chance in NLL after a temperature (0.403 against 0.2"
        in (found.sentences[0])
    )


def test_of_several_the_largest_gain_leads_and_their_order_is_left_open():
    found = said(NONE, seeds("a", 0.85, 0.861, 0.87), seeds("b", *BETTER), seeds("c", *WORSE))
    assert found.outcome is Outcome.BOTH
    assert found.sentences[0].startswith("b gains")
    assert found.sentences[0].endswith("; a gains in accuracy; c loses in accuracy.")
    assert "The order of b and a among themselves is not tested." in found.advice or (
        "The order of a and b among themselves is not tested." in found.advice
    )


def test_a_gain_in_likelihood_alone_is_a_gain():
    found = said(NONE, seeds("mixup", *SAME, scaled=SURER))
    assert found.outcome is Outcome.GAIN
    assert "in NLL after a temperature (0.103 against 0.245\xa0nats" in found.sentences[0]


def test_many_mixers_need_more_than_one():
    """The t-test of one mixer is clear; the same among four others that do nothing is not."""
    lucky = seeds("lucky", 0.86, 0.85, 0.88)
    others = [seeds(f"other{k}", *SAME) for k in range(4)]
    assert said(NONE, lucky).outcome is Outcome.GAIN
    found = said(NONE, lucky, *others)
    assert found.outcome is Outcome.UNDECIDED
    assert "which is no longer clear among 5 mixers" in found.sentences[0]


def test_holms_correction():
    """As statsmodels' multipletests(method="holm") decides: 0.04 < 0.05 alone does not suffice."""

    def compared(p_value):
        class Known(verdict.Comparison):
            p_value = property(lambda self: self.mean)

        return Known("m", verdict.NLL, [(-p_value, 0.0)] * 3, 0.0)

    for p_values, clear in (
        ([0.01, 0.02, 0.03], [0.01, 0.02, 0.03]),
        ([0.04, 0.01, 0.03], [0.01]),
        ([0.04, 0.03, 0.06], []),
        ([0.04], [0.04]),
    ):
        found = verdict.clear_among([compared(p) for p in p_values])
        assert [c.p_value for c in found] == clear


@pytest.mark.parametrize("accuracies", [(0.90, 0.70, 0.89), (0.86, 0.79, 0.84)])
def test_undecided_says_how_many_seeds_would_do(accuracies):
    found = said(NONE, seeds("mixup", *accuracies))
    assert found.outcome is Outcome.UNDECIDED
    assert found.sentences[0].startswith(
        "No gain or loss beyond chance is seen in accuracy or NLL after a temperature: the largest "
    )
    assert "95 % interval −" in found.sentences[0]
    (power,) = [line for line in found.advice if " seeds" in line or "would show it" in line]
    differences = np.subtract(accuracies, [run.accuracy for run in NONE])
    deviation, mean = differences.std(ddof=1), abs(differences.mean())
    needed = next(
        n for n in range(2, 1000) if stats.t.ppf(0.975, n - 1) * deviation / n**0.5 < mean
    )
    assert (f"about {needed} would show it" if needed <= 30 else "more than 30 seeds") in power


def test_a_difference_of_few_samples_is_none():
    found = said(seeds("none", *[0.5] * 3), seeds("mixup", *[0.54] * 3), validation_samples=100)
    assert found.outcome is Outcome.UNDECIDED
    assert "fewer than 6 of the 100 samples" in found.sentences[0]
    assert "A difference as small takes at least 150 validation samples to show." in found.advice


def test_equal_runs_change_nothing():
    found = said(NONE, [made("mixup", run.seed, run.accuracy) for run in NONE])
    assert found.outcome is Outcome.EQUAL
    assert found.sentences[0].startswith("Mixing changes nothing: at each of 3 seeds ")


@pytest.mark.parametrize(
    ("runs", "outcome", "start", "advice"),
    [
        ([NONE[:1], seeds("mixup", 0.9)], Outcome.FEW_SEEDS, "One seed cannot tell", "more seeds"),
        ([seeds("mixup", *BETTER)], Outcome.NO_BASELINE, "Whether mixing gains is not", "none too"),
        ([NONE], Outcome.NOTHING_MIXED, "No mixer was tried: accuracy 81.0 %", "mixers too"),
        ([NONE[:1], [made("mixup", 1)]], Outcome.UNPAIRED, "Whether mixing gains", "more seeds"),
    ],
)
def test_what_cannot_be_answered_is_said_with_what_is_missing(runs, outcome, start, advice):
    found = said(*runs)
    assert found.outcome is outcome
    assert found.sentences[0].startswith(start)
    assert advice in found.advice[0]
    assert "gains beyond" not in found.sentences[0]


def test_no_run_is_no_answer():
    with pytest.raises(ValueError, match="at least one finished run"):
        answer(Results({}, {}))


def test_under_confidence_is_no_loss_where_a_temperature_mends_it():
    nll = [0.50, 0.51, 0.50]
    found = said(
        seeds("none", 0.80, 0.81, 0.82, **CALIBRATED),
        seeds("mixup", *SAME, **{**UNDER, "nll": nll, "temperature": 0.5}),
    )
    assert found.outcome is Outcome.UNDECIDED
    assert found.sentences[1] == (
        "The network is calibrated as far as 500 samples can tell without mixing (ECE 2.0 %, "
        "within its noise floor) and under-confident with mixup (confidence 15.0 points below "
        "accuracy; chance makes up to 2.0); a temperature mends that (ECE 15.0 to 2.0 %, NLL 0.503 "
        "to 0.245)."
    )
    assert any(
        line.startswith("Do not read the NLL and ECE of mixup as a loss: ") for line in found.advice
    )
    assert f"({TEMPERATURE}): about 0.50 with mixup." in found.advice[-1]


def test_a_loss_after_the_temperature_is_not_explained_away():
    under = {**UNDER, "nll": [0.50, 0.51, 0.50]}
    found = said(NONE, seeds("mixup", *SAME, scaled=VAGUER, **under))
    assert found.outcome is Outcome.LOSS
    assert not any("Do not read" in line for line in found.advice)


def test_a_temperature_that_does_not_suffice_is_not_said_to_mend():
    partly = said(NONE, seeds("mixup", *SAME, scaled=UNEVEN, **UNDER))
    assert "; a temperature mends a part of that (ECE 15.0 to 8.0 %" in partly.sentences[1]
    assert any(line.startswith("A temperature is not enough for mixup") for line in partly.advice)
    not_at_all = said(NONE, seeds("mixup", *SAME, scaled={"ece": 0.2}, **UNDER))
    assert "; a temperature does not mend that (ECE 15.0 to 20.0 %" in not_at_all.sentences[1]
    assert not any(TEMPERATURE in line for line in not_at_all.advice)
    some = said(seeds("none", 0.80, 0.81, 0.82, **OVER), seeds("a", *SAME, scaled=OVER, **UNDER))
    assert "; a temperature mends that without mixing (" in some.sentences[1]
    assert "), not with a (" in some.sentences[1]


def test_without_an_error_no_temperature_is_advised():
    found = said(NONE, seeds("mixup", *SAME, scaled=UNDER, temperature=None, **UNDER))
    assert found.sentences[1].endswith(
        "; no temperature can be fitted to fewer than two errors, or to one class."
    )
    assert not any("emperature" in line for line in found.advice)


def test_runs_without_an_error_say_nothing_of_temperatures():
    some = [None, None, 0.5]
    found = said(NONE, seeds("mixup", *SAME, scaled={"ece": 0.1}, temperature=some, **UNDER))
    assert found.sentences[1].endswith(
        "; 2 of the 3 runs with mixup have too few errors to fit a temperature to."
    )
    assert any("about 0.50 with mixup." in line for line in found.advice)
    assert not any("not enough" in line for line in found.advice)


def test_a_temperature_that_lowers_the_likelihood_mends_nothing():
    found = said(NONE, seeds("mixup", *SAME, scaled={"nll": 0.251}, **UNDER))
    assert "; a temperature does not mend that (ECE 15.0 to 2.0 %" in found.sentences[1]
    assert not any(TEMPERATURE in line for line in found.advice)


def test_regmixup_is_not_advised_to_who_has_it():
    options = {"scaled": UNDER, **UNDER}
    for wraps, is_advised in (("MixUp", True), ("RegMixup", False)):
        runs = [*NONE, *seeds("a", *WORSE, **options)]
        mixers = {"none": None, "a": {"wraps": wraps}}
        found = answer(Results({"epochs": 2, "validation_samples": 500}, mixers, runs))
        for start in ("Mix less than a: ", "A temperature is not enough for a: "):
            (line,) = [line for line in found.advice if line.startswith(start)]
            assert ("RegMixup" in line) is is_advised


def test_under_confidence_without_mixing_is_said():
    for numbers, is_said in ((UNDER, True), (CALIBRATED, False)):
        found = said(seeds("none", 0.80, 0.81, 0.82, **numbers), seeds("mixup", *SAME, **UNDER))
        assert any(line.startswith("Without mixing the") for line in found.advice) is is_said


def test_what_is_clear_by_itself_alone_is_named():
    nlls = {"nll": [0.26, 0.27, 0.264]}
    others = [seeds(name, *SAME) for name in "bcdefg"]
    found = said(NONE, seeds("a", *SAME, scaled=nlls), *others)
    assert found.outcome is Outcome.UNDECIDED
    assert "the clearest difference is that of a in NLL after a temperature" in found.sentences[0]
    assert "which is no longer clear among 7 mixers" in found.sentences[0]


@pytest.mark.parametrize(("scaled", "too"), [(CALIBRATED, True), (OVER, False)])
def test_over_confidence_that_mixing_mends(scaled, too):
    found = said(seeds("none", 0.80, 0.81, 0.82, scaled=scaled, **OVER), seeds("mixup", *SAME))
    assert found.sentences[1].startswith(
        "The network is over-confident without mixing (confidence 8.0 points above accuracy; "
        "chance makes up to 2.0) and calibrated as far as 500 samples can tell with mixup"
    )
    (line,) = [line for line in found.advice if line.startswith("mixup removes the over-conf")]
    assert line.endswith("a temperature without mixing does so too.") is too


def test_a_gain_that_a_temperature_gives_as_well():
    found = said(
        seeds("none", 0.80, 0.81, 0.82, nll=[0.50, 0.51, 0.50], **OVER), seeds("mixup", *SAME)
    )
    assert found.outcome is Outcome.UNDECIDED
    assert any("a temperature may give without mixing too" in line for line in found.advice)


def test_within_the_noise_floor_nothing_is_wrong():
    found = said(NONE, seeds("mixup", *SAME))
    assert found.sentences[1] == (
        "The network is calibrated as far as 500 samples can tell without mixing and with mixup "
        "(ECE 2.0 %, within its noise floor)."
    )
    assert any(line.startswith("No temperature is called for") for line in found.advice)


def test_a_likelihood_that_a_temperature_raises_is_said_where_no_error_is_seen():
    found = said(NONE, seeds("mixup", *SAME, **CALIBRATED, nll=0.654, scaled={"nll": 0.556}))
    assert [line for line in found.advice if "(0.654 to 0.556 with mixup)" in line]
    assert not any(line.startswith("No temperature is called for") for line in found.advice)
    found = said(NONE, seeds("mixup", *SAME, **CALIBRATED, nll=0.654, scaled={"nll": 0.651}))
    assert not any("may pay" in line for line in found.advice)


@pytest.mark.parametrize(("accuracy", "guesses"), [(0.35, True), (0.45, False)])
def test_an_accuracy_of_guessing_is_named_first(accuracy, guesses):
    run = made("m.keras", 0, accuracy)
    found = answer(Results({"validation_samples": 180, "classes": 3}, {"m.keras": None}, [run]))
    assert found.sentences[0].endswith(" %), that of guessing among 3 classes.") is guesses
    assert (
        found.sentences[1].endswith(
            "check the value range (--value-range) and the order of the classes."
        )
        is guesses
    )
    assert (found.advice == ()) is guesses


def test_networks_that_guess_are_not_compared():
    found = said(seeds("none", *[0.35] * 3), seeds("a", *[0.36] * 3, **OVER), classes=3)
    assert found.outcome is Outcome.GUESSING
    assert found.sentences[0] == (
        "No mixer can be judged: the accuracy without mixing and with a is that of guessing among "
        "3 classes."
    )
    assert [line.split(",")[0] for line in found.advice] == ["Train longer"]


def test_a_network_that_guesses_is_named():
    found = said(seeds("none", 0.35, 0.34), seeds("a", 0.5, 0.49), classes=3)
    assert found.advice[0].startswith(
        "The accuracy without mixing is that of guessing among 3 classes. Train longer"
    )


def test_a_network_that_is_right_less_often_than_by_guessing_has_other_labels():
    run = made("m.keras", 0, 0.01)
    found = answer(Results({"validation_samples": 400, "classes": 4}, {"m.keras": None}, [run]))
    assert found.sentences[0].endswith(", less than by guessing among 4 classes.")


def test_two_seeds_that_agree_decide_nothing():
    """Counts of right samples often rise by the same number: that is no standard error of 0."""
    found = said(seeds("none", 0.75, 0.725), seeds("mixup", 0.7675, 0.7425))
    assert found.outcome is Outcome.FEW_SEEDS
    assert found.sentences[0].startswith("Two seeds cannot tell a gain from chance: accuracy ")
    assert any(line.startswith("Train more seeds") for line in found.advice)


def test_a_difference_that_no_table_shows_is_none():
    same = [run.accuracy for run in NONE]
    found = said(NONE, seeds("a", *same, scaled={"nll": [0.2448, 0.2447, 0.2448]}))
    assert found.outcome is Outcome.UNDECIDED
    assert ", too small to matter)" in found.sentences[0]
    assert "a changes too little to matter, whatever the number of seeds." in found.advice


def test_likelihoods_of_two_seeds_among_more_decide_nothing():
    same, some = [run.accuracy for run in NONE], [None, 1.2, 1.3]
    found = said(NONE, seeds("a", *same, scaled={"nll": 0.1}, temperature=some))
    assert found.outcome is Outcome.TOO_GOOD


def test_networks_without_an_error_are_not_compared():
    options = {"temperature": None}
    found = said(seeds("none", *[1.0] * 3, **options), seeds("a", *[1.0] * 3, **options, **UNDER))
    assert found.outcome is Outcome.TOO_GOOD
    assert "fewer than two errors among 500 samples" in found.sentences[0]
    assert found.advice[0].startswith("Take more validation samples, or harder ones")
    assert not any("not enough" in line or "Mix less" in line for line in found.advice)


def test_errors_in_one_half_of_the_samples_are_no_loss():
    """Predictions as good as the others, which err elsewhere, are as good after a temperature."""
    ids = np.arange(400) % 4
    spread, close = np.array([0, 101, 202, 303]), np.array([0, 4, 8, 12])

    def runs(name, wrong):
        predicted = ids.copy()
        predicted[wrong] = (ids[wrong] + 1) % 4
        for seed in range(3):
            probabilities = np.full((400, 4), (0.2 - 0.001 * seed) / 3)
            probabilities[np.arange(400), predicted] = 0.8 + 0.001 * seed
            yield Run.of_predictions(name, probabilities, ids, seed=seed)

    found = answer(results([*runs("none", spread), *runs("mixup", close)]))
    assert found.outcome in (Outcome.EQUAL, Outcome.UNDECIDED)


def test_few_samples_hide_errors():
    floor = confidence.confidence(NONE).floor
    rough = type(NONE[0].floor)(0.08, 0.05, 0.12)
    assert floor == 0.02
    found = said(seeds("none", 0.8, 0.8, floor=rough), seeds("a", 0.8, 0.8, floor=rough))
    assert any("an ECE of up to 12.0 %: take more validation" in line for line in found.advice)
    assert not any(line.startswith("No temperature is called for") for line in found.advice)


def test_uneven_calibration_is_told_from_over_confidence():
    found = said(NONE, seeds("mixup", *SAME, **UNEVEN))
    assert (
        "right on the whole but not at each confidence with mixup (ECE 8.0 %, above"
        in (found.sentences[1])
    )


def test_differences_of_two_calibrated_networks_in_ece_are_noise():
    eces = [0.01, 0.011, 0.01]
    found = results([*seeds("none", *SAME, ece=eces), *seeds("a", *SAME, ece=0.025)])
    (ece,) = [c for c in verdict.comparisons(found) if c.score is verdict.ECE]
    assert abs(ece.mean) > ece.margin
    assert ece.is_noise
    assert not ece.is_clear


def test_the_gap_has_the_uncertainty_of_samples_and_of_seeds():
    one = confidence.confidence([made("none", gap=0.019, gap_error=0.01)])
    assert (one.margin, one.state) == (pytest.approx(0.0196), confidence.State.CALIBRATED)
    gaps = [0.02, 0.05, 0.04]
    several = confidence.confidence([made("none", gap=gap, gap_error=0.01) for gap in gaps])
    over_seeds = stats.t.ppf(0.975, 2) * np.std(gaps, ddof=1) / 3**0.5
    assert several.margin == pytest.approx(np.hypot(0.0196, over_seeds))


def test_samples_of_no_class():
    def measured(run, auroc):
        robustness = dataclasses.replace(with_full(run).robustness, ood_auroc=auroc)
        return dataclasses.replace(run, robustness=robustness)

    plain = [measured(run, 0.9) for run in NONE]
    mixed = [measured(run, 0.6 + 0.01 * run.seed) for run in seeds("mixup", *SAME)]
    assert any("beware of mixup" in line for line in said(plain, mixed).advice)
    assert not any("beware of" in line for line in said(plain, [*map(with_full, mixed)]).advice)


def test_one_model_is_judged_by_itself():
    found = answer(
        Results({"validation_samples": 500}, {"m.keras": None}, [made("m.keras", **OVER)])
    )
    assert found.outcome is Outcome.MODEL
    assert found.sentences == (
        "m.keras is right on 75.0 % of 500 samples (95 % interval 71.0 to 78.6 %).",
        "The network is over-confident (confidence 8.0 points above accuracy; chance makes up to "
        "2.0); a temperature mends that (ECE 8.0 to 2.0 %, NLL 0.250 to 0.245).",
    )
    assert found.advice == (
        f"Fit a temperature on held-out samples after training ({TEMPERATURE}): about 1.50 for "
        "m.keras.",
    )


@pytest.mark.parametrize("right", [0.0, 0.3, 1.0])
def test_wilsons_interval(right):
    expected = stats.binomtest(round(right * 50), 50).proportion_ci(0.95, method="wilson")
    np.testing.assert_allclose(verdict.wilson(right, 50), [*expected], atol=1e-6)


STATES = {"calibrated": CALIBRATED, "over": OVER, "under": UNDER, "uneven": UNEVEN}


@pytest.mark.parametrize("accuracies", [BETTER, WORSE, SAME, BETTER[:1]])
@pytest.mark.parametrize("after", [SURER, VAGUER, {}])
def test_every_case_has_two_sentences_and_contradicts_itself_nowhere(accuracies, after):
    for plain, mixed, left in itertools.product(STATES, STATES, STATES):
        scaled = {**after, **STATES[left]}
        for names in (("none", "mixup"), ("none", "mixup", "cutmix"), ("none",), ("mixup",)):
            runs = [
                seeds(name, 0.80, 0.81, 0.82, **STATES[plain])
                if name == "none"
                else seeds(name, *accuracies, scaled=scaled, **STATES[mixed])
                for name in names
            ]
            found = said(*runs)
            text = " ".join((*found.sentences, *found.advice))
            assert len(found.sentences) == 2
            for sentence in (*found.sentences, *found.advice):
                assert sentence.endswith(".")
                assert not sentence.endswith("..")
                assert "  " not in sentence
                assert "nan" not in sentence
                assert "inf " not in sentence
            gain, loss = "gains beyond" in found.sentences[0], "loses beyond" in found.sentences[0]
            paired = {"none", "mixup"} <= set(names) and len(accuracies) > 1
            better = accuracies is BETTER or after is SURER
            worse = accuracies is WORSE or after is VAGUER
            assert gain == (paired and better), text
            assert loss == (paired and worse), text
            assert ("Mix less" in text) == (paired and worse)
            states = {plain} if "none" in names else set()
            states |= {mixed} if "mixup" in names else set()
            assert ("over-confident" in found.sentences[1]) == ("over" in states)
            assert ("under-confident" in found.sentences[1]) == ("under" in states)
            lowered = after is SURER and "mixup" in names
            fine = states == {"calibrated"} and not lowered
            assert ("No temperature is called for" in text) == fine
            pays = lowered and mixed == "calibrated"
            assert ("A temperature may pay" in text) == pays
