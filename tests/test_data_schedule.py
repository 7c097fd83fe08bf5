"""Schedules in pipelines: each batch is mixed as its epoch or step demands, and resumes so."""

import gc
import warnings

import numpy as np
import pytest
import tensorflow as tf
from contract import MIXERS, random_images, sampled
from streams import drained

from keras_mix import data
from keras_mix._core.batch.settings import Settings
from keras_mix._core.draw.concentrations import Concentrations
from keras_mix.callbacks import MixSchedule
from keras_mix.callbacks._courses import Span
from keras_mix.data import _seed_stream
from keras_mix.layers import (
    CutMix,
    Cutout,
    MixUp,
    RandomApply,
    RandomChoice,
    RecursiveMix,
    SynchronizedAugmentation,
)
from keras_mix.pairings import InOrder

pytestmark = pytest.mark.slow

EPOCHS, STEPS, SEED = 4, 3, 5
IMAGES = random_images(4 * STEPS, 5, 4)
LABELS = np.arange(4 * STEPS) % 3
OPTIONS = {"num_classes": 3, "jit_compile": False}


def batches():
    return tf.data.Dataset.from_tensor_slices((IMAGES, LABELS)).batch(4)


def choice(**options):
    mixers = [MixUp(1.0), CutMix(1.0), MixUp(1.0, sources=3)]
    return RandomChoice(mixers, **{**OPTIONS, **options})


def scheduled(schedule, layer=None, dataset=None, **options):
    layer = layer or MixUp(1.0, **OPTIONS)
    dataset = batches() if dataset is None else dataset
    options = {"seed": SEED, "epochs": EPOCHS, **options}
    return data.mix(dataset, layer, schedule=schedule, **options)


def epochs_of(dataset, schedule, epochs=range(EPOCHS)):
    """The batches of each epoch, told before it is read."""
    found = []
    for epoch in epochs:
        schedule.on_epoch_begin(epoch)
        found.append(list(dataset))
    return found


# A schedule, the mixer that follows it, and the mixer that each epoch is to equal.
COURSES = {
    "alpha": (
        MixSchedule(alpha=lambda epoch: [0.3, 0.0, (0.5, 2.0), 0.3][epoch]),
        MixUp(9.0, **OPTIONS),
        lambda epoch: MixUp([0.3, 0.0, (0.5, 2.0), 0.3][epoch], **OPTIONS),
    ),
    "alpha of several sources": (
        MixSchedule(alpha=(0.5, 2.0)),
        MixUp(9.0, sources=3, keep_major=True, **OPTIONS),
        lambda epoch: MixUp(0.5 + epoch * 0.5, sources=3, keep_major=True, **OPTIONS),
    ),
    "rate": (
        MixSchedule(rate=lambda epoch: [0.5, 0.0, 0.25, 0.75][epoch]),
        CutMix(rate=0.9, **OPTIONS),
        lambda epoch: CutMix(rate=[0.5, 0.0, 0.25, 0.75][epoch], **OPTIONS),
    ),
    "mixers by phase": (
        MixSchedule(probabilities={0: [1, 0, 0], 2: [2, 5, 3], 3: [0, 0, 1]}),
        choice(),
        lambda epoch: choice(
            probabilities=[[1, 0, 0], [1, 0, 0], [0.2, 0.5, 0.3], [0, 0, 1]][epoch]
        ),
    ),
}
every_course = pytest.mark.parametrize(
    ("schedule", "layer", "static"), COURSES.values(), ids=COURSES
)


@every_course
def test_each_epoch_equals_that_of_a_mixer_with_the_values(schedule, layer, static):
    seed_of = _seed_stream.numbered(SEED)
    found = epochs_of(scheduled(schedule, layer), schedule)
    for epoch, mixed in enumerate(found):
        own = static(epoch)
        for step, ((x, y), batch) in enumerate(zip(mixed, batches(), strict=True)):
            seed = seed_of(tf.constant(epoch, tf.int64), tf.constant(step, tf.int64))
            expected_x, expected_y = own(batch, seed=seed)
            np.testing.assert_array_equal(y, expected_y)
            np.testing.assert_allclose(x, expected_x, rtol=0, atol=2e-7)


def test_every_mixer_with_an_alpha_follows_a_schedule_of_it():
    seen = set()
    for name, row in MIXERS.items():
        if "alpha" in row.make.schedulable:
            layer, expected = row.make(9.0), sampled(row.make(0.4))
            given = Concentrations([2.0, 0.4], getattr(layer, "sources", 2)).at(1)
            plan = sampled(layer, settings=Settings(alpha=given))
            np.testing.assert_array_equal(plan.weights, expected.weights, err_msg=name)
            seen.add(name)
    assert {"MixUp", "CutMix", "FMix", "RICAP", "TabularMix"} <= seen


def stream(schedule, layer, calls, prefetched=2, **options):
    options = {"steps_per_epoch": STEPS, "num_parallel_calls": calls, **options}
    return scheduled(schedule, layer, **options).prefetch(prefetched)


@pytest.mark.parametrize(
    ("name", "calls"), [*((name, 8) for name in COURSES), ("mixers by phase", 1)]
)
def test_a_checkpoint_at_each_step_resumes_with_the_same_batches(name, calls, tmp_path):
    schedule, layer, _ = COURSES[name]
    due = [*map(drained, epochs_of(scheduled(schedule, layer), schedule))]
    due = [batch for epoch in due for batch in epoch]
    schedule.on_epoch_begin(0)
    first = iter(stream(schedule, layer, calls))
    checkpoint = tf.train.Checkpoint(iterator=first)
    paths = [checkpoint.save(tmp_path / "state")]
    for batch in due[:-1]:
        assert drained([next(first)]) == [batch]
        paths.append(checkpoint.save(tmp_path / "state"))
    # Another run, which no one has told an epoch.
    schedule.on_train_end()
    resumed = iter(stream(schedule, layer, calls))
    for step, path in enumerate(paths[1:], start=1):
        tf.train.Checkpoint(iterator=resumed).restore(path).assert_consumed()
        assert drained(next(resumed) for _ in range(min(4, len(due) - step))) == due[step:][:4]


@pytest.mark.parametrize("resumable", [False, True])
def test_a_shuffled_epoch_resumes(resumable, tmp_path):
    schedule, layer, _ = COURSES["mixers by phase"]
    dataset = batches().unbatch().shuffle(12, seed=1).batch(4)

    def epoch_two():
        return iter(scheduled(schedule, layer, dataset, resumable=resumable, num_parallel_calls=1))

    schedule.on_epoch_begin(2)
    first = epoch_two()
    next(first)
    path = tf.train.Checkpoint(iterator=first).save(tmp_path / "state")
    due = drained(first)
    schedule.on_train_end()
    resumed = epoch_two()
    tf.train.Checkpoint(iterator=resumed).restore(path)
    assert drained(resumed) == due


def test_a_pipeline_built_again_goes_on_with_the_draws_that_were_due():
    schedule, layer, _ = COURSES["rate"]
    due = [drained(each) for each in epochs_of(scheduled(schedule, layer), schedule)]
    assert len({batch for epoch in due for batch in epoch}) == EPOCHS * STEPS
    again = scheduled(schedule, layer)
    # Iterators that are made and dropped, as Keras does, do not count.
    iter(again), next(iter(again))
    assert [drained(each) for each in epochs_of(again, schedule, [2, 3])] == due[2:]
    schedule.on_epoch_begin(2)
    going_on = scheduled(schedule, layer, steps_per_epoch=STEPS).take(2 * STEPS)
    assert drained(going_on) == due[2] + due[3]


def test_nothing_is_traced_again():
    class Counted(MixUp):
        def sample(self, batch, seed):
            traces.append(batch)
            return super().sample(batch, seed)

    traces, schedule = [], MixSchedule(alpha=(0.1, 2.0), rate=(0.0, 1.0))
    dataset = scheduled(schedule, Counted(**OPTIONS))
    before = len(traces)
    epochs_of(dataset, schedule)
    assert len(traces) == before == 1


def test_by_step():
    given = MixSchedule(rate=lambda step: step % 2, every="step")
    schedule = MixSchedule(warmup_epochs=2, unmixed_epochs=1, every="step")
    span = Span(EPOCHS, STEPS)
    rates = [schedule.values(tick, span, 0.6, 0)["rate"] for tick in range(span.ticks)]
    np.testing.assert_allclose(rates, [*np.arange(6) / 10, *[0.6] * 3, 0, 0, 0], atol=1e-7)
    given.on_epoch_begin(0)
    for options in ({}, {"steps_per_epoch": STEPS}):
        mixed = scheduled(given, CutMix(pairing="roll", **OPTIONS), **options).take(STEPS)
        same = [np.array_equal(x, own) for (x, _), (own, _) in zip(mixed, batches(), strict=True)]
        assert same == [True, False, True]


def test_final_epochs_come_out_bit_for_bit():
    schedule = MixSchedule(unmixed_epochs=2)
    found = epochs_of(scheduled(schedule, choice()), schedule)
    for epoch, mixed in enumerate(found):
        same = [np.array_equal(x, own) for (x, _), (own, _) in zip(mixed, batches(), strict=True)]
        assert same == [epoch >= 2] * STEPS


def test_fewer_epochs_than_are_to_be_unmixed():
    schedule = MixSchedule(unmixed_epochs=5)
    with pytest.warns(UserWarning, match="no epoch is mixed, since unmixed_epochs=5 and there are"):
        found = epochs_of(scheduled(schedule), schedule)
    assert all(np.array_equal(x, own) for (x, _), (own, _) in zip(found[0], batches(), strict=True))


def test_a_phase_that_is_never_reached():
    schedule = MixSchedule(probabilities={0: [1, 0, 0], 50: [0, 1, 0]})
    with pytest.warns(UserWarning, match="the phase from epoch 50 on is never reached, since th"):
        scheduled(schedule, choice())


def test_partners_and_previous_batches():
    schedule = MixSchedule(rate=lambda epoch: epoch % 2)
    own = batches().map(lambda x, y: (x * 0, y))
    by_pairs = tf.data.Dataset.zip(own, batches())
    of_second = scheduled(schedule, CutMix(**OPTIONS), own, partners=batches())
    in_order = CutMix(pairing=InOrder(), **OPTIONS)
    of_pairs = scheduled(schedule, in_order, by_pairs, partners="paired")
    recursive = scheduled(schedule, RecursiveMix(num_classes=3), own)
    for epoch in range(2):
        for dataset in (of_second, of_pairs):
            mixed = epochs_of(dataset, schedule, [epoch])[0]
            assert any(np.any(x) for x, _ in mixed) is bool(epoch)
        labels = [y for _, y in epochs_of(recursive, schedule, [epoch])[0]]
        assert np.isin(np.concatenate(labels), (0, 1)).all() is np.bool_(not epoch)


def test_an_epoch_must_be_told():
    schedule = MixSchedule(unmixed_epochs=1)
    dataset = scheduled(schedule)
    gc.collect()
    for _ in range(2):
        next(iter(dataset))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"data.mix: the epoch is not known"):
        list(dataset)
    schedule.on_epoch_begin(3)
    list(dataset)
    schedule.on_epoch_begin(4)
    with pytest.raises(tf.errors.InvalidArgumentError, match="the schedule ends after 4 epochs"):
        list(dataset)
    iterator = iter(dataset)
    schedule.on_train_end()
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"data.mix: the epoch is not known"):
        list(iterator)


def began(dataset, schedule, **params):
    schedule.set_params(params)
    schedule.on_train_begin()


def test_what_fit_has_must_suit_the_pipeline():
    schedule = MixSchedule(unmixed_epochs=1)
    other = scheduled(schedule, steps_per_epoch=7)
    dataset = scheduled(schedule, steps_per_epoch=STEPS)
    for params, sentence in (
        ({"steps": None, "epochs": EPOCHS}, "steps_per_epoch=None for data.mix.*steps_per_epoch=3"),
        ({"steps": 9, "epochs": EPOCHS}, "`fit` must have the steps per epoch of the pipeline"),
        ({"steps": STEPS, "epochs": 9}, r"`fit` must have no more epochs .* Pass epochs=9 to data"),
    ):
        with pytest.raises(ValueError, match=f"^MixSchedule: .*{sentence}"):
            began(dataset, schedule, **params)
    with pytest.warns(UserWarning, match="`fit` ends after 2 epochs, the schedule .* after 4"):
        began(dataset, schedule, steps=STEPS, epochs=2)
    with warnings.catch_warnings(action="error"):
        began(dataset, schedule, steps=STEPS, epochs=EPOCHS)
        began(other, schedule, steps=7, epochs=EPOCHS)
    del dataset, other
    gc.collect()
    with pytest.raises(ValueError, match=r"^MixSchedule: the model must mix .* of a pipeline"):
        began(None, schedule, steps=STEPS, epochs=EPOCHS)


RATE = MixSchedule(rate=(0.0, 1.0))
BY_STEP = MixSchedule(rate=(0.0, 1.0), every="step")


@pytest.mark.parametrize(
    ("schedule", "layer", "options", "sentence"),
    [
        ("off", None, {}, "`schedule` must be a keras_mix.callbacks.MixSchedule. Received: sch"),
        (MixSchedule, None, {}, "`schedule` must be an instance, not a class"),
        (
            MixSchedule(alpha=(0.1, 1.0)),
            Cutout(),
            {},
            r"a schedule of `alpha` needs a mixer that draws λ .* Received: layer=.*Cutout\(",
        ),
        (MixSchedule(alpha=(0.1, 1.0)), RandomApply(MixUp()), {}, "a schedule of `alpha` needs"),
        (
            MixSchedule(probabilities={0: [1, 0]}),
            None,
            {},
            r"a schedule of `probabilities` needs a RandomChoice, .* Received: layer=.*MixUp\(",
        ),
        (
            RATE,
            SynchronizedAugmentation({"x": 16000}, duration=1.0),
            {},
            "a schedule of `rate` needs a mixer",
        ),
        (RATE, None, {"epochs": None}, "a schedule needs the number of epochs, .* epochs=None"),
        (RATE, None, {"epochs": 0}, "`epochs` must be an integer of at least 1"),
        (RATE, None, {"steps_per_epoch": 0}, "`steps_per_epoch` must be an integer of at least 1"),
        (
            RATE,
            None,
            {"dataset": batches().repeat()},
            "a schedule needs the length of an epoch, and the dataset repeats without end",
        ),
        (
            BY_STEP,
            None,
            {"dataset": batches().filter(lambda x, y: True)},
            "a schedule by step needs the number of steps .* Pass `steps_per_epoch`",
        ),
        (
            MixSchedule(alpha=(0.1, 1.0), every="step"),
            None,
            {"steps_per_epoch": 300},
            "a schedule may have 1,024 values of `alpha`, .* Received: 1,200 values",
        ),
        (None, None, {"epochs": None, "steps_per_epoch": 3}, "`steps_per_epoch` is for a schedule"),
        (None, None, {}, "`epochs` is for a schedule, without which all epochs are alike"),
    ],
)
def test_what_a_pipeline_refuses(schedule, layer, options, sentence):
    with pytest.raises(ValueError, match=f"^data.mix: {sentence}"):
        scheduled(schedule, layer, **options)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"rate": lambda epoch: 1.5}, "`rate` must be a finite number between 0 and 1"),
        ({"rate": lambda epoch: None}, "`rate` must be a finite number between 0 and 1"),
        ({"probabilities": {0: [1, 0]}}, "`probabilities` must be .* for each of the 3 choices"),
        ({"probabilities": lambda epoch: [1]}, "`probabilities` must be a list .* 3 in all"),
    ],
)
def test_values_are_checked_when_the_pipeline_is_made(options, sentence):
    with pytest.raises(ValueError, match=f"^MixSchedule: {sentence}"):
        scheduled(MixSchedule(**options), choice())
