"""What all tests share: how hypothesis searches, and a quiet TensorFlow."""

import os

import hypothesis

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

# The first call of an op in a process is slow, so no try has a deadline. In CI the tries are
# the same each time: a failure there is one of the change, not of the dice.
hypothesis.settings.register_profile(
    "keras_mix", deadline=None, derandomize="CI" in os.environ, print_blob=True
)
hypothesis.settings.load_profile("keras_mix")

# What `make test-quick` leaves out. Whole files: training, other processes, statistics of many
# draws, tables of all options and their pairs.
SLOW_FILES = {
    *("backends", "test_cli", "test_data", "test_data_service", "test_distributed"),
    *("test_draws_of_numbers", "test_draws_of_partners", "test_draws_of_weights"),
    *("test_evaluate_compare", "test_fields", "test_fuzz", "test_in_models"),
    *("test_models_draws", "test_models_masks", "test_models_saving", "test_models_training"),
    *("test_options", "test_options_of_inner_mixers", "test_options_of_models"),
    *("test_own_options", "test_packaging", "test_paired", "test_pairwise_options"),
    *("test_registration", "test_sound_front_end", "test_structured_training"),
    "test_tutorials",
}
# Single tests, by a part of their ids: modes other than eager calls, training, statistics, and
# tables of all layers whose rows take long.
SLOW_IDS = (
    *("XLA", "compiled", "dataset", "every_mode", "graph", "modes", "symbolic", "tf.data", "xla"),
    *("_learn", "_fit_", "train_as", "trains"),
    *("_beta", "_distributed", "_often", "_uniform", "as_likely", "authors", "fraction_of"),
    *("about_a_half", "mean_and_variance", "unrelated"),
    *("each_head", "editors_complete", "empty_and_single", "every_mixer"),
)


def pytest_collection_modifyitems(items):
    for item in items:
        in_slow_file = SLOW_FILES & {item.path.stem, item.path.parent.name}
        if in_slow_file or any(part in item.name for part in SLOW_IDS):
            item.add_marker("slow")
