"""What a mixer of the previous mixed batch refuses, since it cannot be mixed again and again."""

from keras_mix._core import checks


def refuse_forgetful(mixer):
    """Refuses a call that would have to remember the previous batch."""
    checks.refuse(
        mixer.owner,
        "a graph keeps no batch between its calls, so the previous one must be given",
        "a call in a graph without `partners`, as in dataset.map(layer)",
        "Use keras_mix.data.mix(dataset, layer), which carries the previous batch; or pass it, "
        "`layer(batch, partners=previous)`.",
    )


def refuse_objects(mixer):
    """Refuses kinds of leaves that a sample has more of with each batch, without an end."""
    if {*mixer.kinds.values()} & {"keypoints", "instance_masks"}:
        checks.refuse(
            mixer.owner,
            "a sample has the objects of a source more with each batch, so keypoints and instance "
            "masks cannot be mixed again",
            f"kinds={mixer.kinds!r}",
            "Use keras_mix.layers.ResizeMix for them.",
        )


def refuse_unrepeatable(mixer):
    """Refuses options whose results cannot be mixed again."""
    for received, rule, way_out in _unrepeatable(mixer):
        checks.refuse(mixer.owner, rule, received, way_out)


def _unrepeatable(mixer):
    """(what is received, the rule, the way out) of each option that is refused."""
    if mixer.label_mode == "pairs":
        yield (
            'label_mode="pairs"',
            "a label has a source more with each batch, so it cannot be packed",
            "Leave it out, for rows (B, K).",
        )
    if mixer.label_smoothing:
        yield (
            f"label_smoothing={mixer.label_smoothing}",
            "labels that are mixed again and again would be smoothed each time",
            "Smooth in the loss, keras.losses.CategoricalCrossentropy(label_smoothing=…), which "
            "is the same.",
        )
    if mixer.label_rule is not None:
        yield (
            f"label_rule={mixer.label_rule!r}",
            "a label rule compares two classes, and the previous labels have several",
            "Leave it out.",
        )
    boxes = mixer.box_options
    if boxes.format is not None and boxes.max_boxes is None:
        yield (
            f"bounding_boxes={mixer.bounding_boxes!r}",
            "a sample has the boxes of a source more with each batch, so their number must be set",
            f'Pass BoundingBoxOptions("{boxes.format}", max_boxes=…).',
        )
    if boxes.details:
        yield (
            "BoundingBoxOptions(details=True)",
            "details of boxes cannot be mixed again",
            "Leave `details` out.",
        )
