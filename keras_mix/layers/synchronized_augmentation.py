"""SynchronizedAugmentation."""

from collections.abc import Collection, Mapping
from typing import Any

import keras
import tensorflow as tf
from typing_extensions import Unpack

from keras_mix._core import checks
from keras_mix._core.backend.axes import over
from keras_mix._core.batch import call_forms
from keras_mix._core.batch.structure import BoxDict, BoxSet, is_set_of_boxes
from keras_mix._core.draw import random, shared_windows
from keras_mix._core.leaves import boxes as box_rule
from keras_mix._core.options import idle_options
from keras_mix.layers._mixer.option_types import SharedOptions
from keras_mix.layers._mixer.shared_options import Configured

_BOXES = "bounding_boxes"
# The shared options that have an effect.
_USED = {"bounding_boxes", "seed"}


@keras.saving.register_keras_serializable(package="keras_mix")
class SynchronizedAugmentation(Configured):
    """Crops, speeds up and flips all modalities of a sample alike, so that they stay paired.

    In time: a stretch of `duration` seconds is cut from every modality that has a rate, at the same
    second. With a `speed` v the stretch is v · duration seconds long and is resampled to the same
    number of time steps. It starts at a time step of every modality: with 25 and 16,000 time steps
    per second, at multiples of 1/25 s. Floats are interpolated linearly between time steps;
    integers take the nearest.

    In space: one crop, the same fraction of each side, and one horizontal flip for all `frames`,
    each at its own size. Boxes follow: they are clipped to the crop, and those of which less than
    `min_visible` remains become padding, -1.

    Everything else passes through. With `training=False` the first `duration` seconds and the
    center of the frames are cut, so that shapes equal those of training.

    Args:
        sampling_rates: Dict from names of modalities `(B, T, …)` to their sampling rates, integers
            or floats. Defaults to None: nothing is cut in time.
        duration: Float > 0. Seconds that are kept; times each rate it must be a whole number.
            Defaults to None: all.
        speed: Pair of floats > 0. Range of the speed, drawn uniformly; needs a `duration`. Defaults
            to (1, 1).
        frames: List of names. Modalities of shape `(B, H, W)`, `(B, H, W, C)` or `(B, T, H, W, C)`;
            one of shape `(B, T, H, W)` beside a video of the same sizes is its mask. Defaults to
            ().
        crop: Float in (0, 1]. Fraction of each side that is kept; times each side it must be a
            whole number. Defaults to 1: no crop.
        flip: Float in [0, 1]. Probability that a sample is flipped. Defaults to 0.
        boxes: String. Name of the dict of "boxes" `(B, N, 4)` and "labels" (or "classes") `(B, N)`,
            which lie on the first of the frames. Defaults to "bounding_boxes", if there is one.
        **kwargs: `bounding_boxes` and `seed` as in `keras_mix.layers.Mixer`,
            and Keras's `name`. All other options are refused.

    Call arguments:
        x: Dict of modalities, or a tuple whose first element is one and whose others pass through:
            (dict, y).
        y, sample_weight: Labels and weights of a dict of modalities, returned beside it as they
            are, so that `dataset.map(layer)` takes a dataset of (dict, y). Default to None.
        training: Boolean. Whether to draw. Defaults to True.
        seed: Integer, or tensor int32[2]. Determines all draws of this call. Defaults to None: the
            next seed of the layer's own sequence.

    Raises:
        ValueError: If an argument is out of range or has no effect; if no modality is named; if a
            rate or side is not divisible as required; or if a modality is missing, too short, or
            has another length in seconds than required.

    Example:

    >>> together = keras_mix.layers.SynchronizedAugmentation(
    ...     sampling_rates={"video": 25, "audio": 16000}, duration=1.0, frames=["video"], flip=0.5
    ... )
    >>> batch = {"video": np.zeros((2, 50, 8, 8, 3), "float32"), "audio": np.zeros((2, 32000))}
    >>> {name: tuple(part.shape) for name, part in together(batch).items()}
    {'video': (2, 25, 8, 8, 3), 'audio': (2, 16000)}
    """

    def __init__(
        self,
        sampling_rates: Mapping[str, float] | None = None,
        *,
        duration: float | None = None,
        speed: tuple[float, float] = (1.0, 1.0),
        frames: Collection[str] = (),
        crop: float = 1.0,
        flip: float = 0.0,
        boxes: str = _BOXES,
        **kwargs: Unpack[SharedOptions],
    ) -> None:
        super().__init__(**kwargs)
        sampling_rates = checks.mapping("sampling_rates", sampling_rates)
        self.sampling_rates = {
            name: checks.positive("sampling_rates", rate) for name, rate in sampling_rates.items()
        }
        self.duration = None if duration is None else checks.positive("duration", duration)
        checks.positive("speed", checks.interval("speed", speed)[0])
        self.speed = tuple(float(value) for value in speed)
        self.frames = checks.names("frames", frames)
        self.crop = checks.positive("crop", checks.number("crop", crop, high=1.0))
        self.flip = checks.number("flip", flip, high=1.0)
        self.boxes = boxes
        self._steps = None
        if self.duration is None and (self.sampling_rates or self.speed != (1.0, 1.0)):
            self._refuse("`sampling_rates` and `speed` need a `duration`", "duration=None")
        if self.duration is None and not self.frames and (self.crop, self.flip) == (1.0, 0.0):
            self._refuse(
                "without `sampling_rates` and `frames` nothing is changed",
                "neither",
                'Name modalities: sampling_rates={"audio": 16000} with a `duration`, or '
                'frames=["image"].',
            )
        if self.duration is not None:
            if not self.sampling_rates:
                self._refuse(
                    "a `duration` needs `sampling_rates`", f"sampling_rates={sampling_rates!r}"
                )
            self._steps = shared_windows.common(self.sampling_rates, self.duration)
            if self._steps.length is None:
                received = f"duration={duration} at sampling_rates={self.sampling_rates}"
                self._refuse("`duration` times each rate must be a whole number", received)

    def without_effect(self):
        never = "the layer moves modalities and mixes none"
        reasons = {name: never for name in self.shared_options() if name not in _USED}
        reasons |= {f"bounding_boxes.{name}": never for name in ("max_boxes", "details")}
        if self.bounding_boxes and self.bounding_boxes.format is None:
            reasons["bounding_boxes.min_visible"] = idle_options.without_box_format("move")
        of_frames = ("crop", "flip", "boxes", "bounding_boxes")
        return reasons | dict.fromkeys(of_frames, None if self.frames else "no `frames` are named")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        args, kwargs = call_forms.as_tensors(self.owner, args, kwargs)
        return super().__call__(*args, **kwargs)

    def call(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        training: bool = True,
        seed: int | tf.Tensor | None = None,
        partners: Any = None,
    ) -> Any:
        whole = x
        if y is not None or sample_weight is not None:
            whole, _ = call_forms.arranged(self.owner, x, y, sample_weight)
        x = whole[0] if isinstance(whole, tuple) else whole
        if partners is not None:
            self._refuse("modalities are not mixed", "partners")
        tensors = self._read(x)
        rows = {name: _rows(tensors[name].shape, tensors.values()) for name in self.frames}
        seeds = [None] * 5
        if training:
            seeds = random.split(self.seed_of_call(seed), 5)
        size = tf.shape(next(iter(tensors.values())))[0]
        changed = self._in_time(tensors, size, *seeds[:2])
        changed = self._in_space({**tensors, **changed}, x, rows, size, *seeds[2:])
        results = {name: changed.get(name, value) for name, value in x.items()}
        return (results, *whole[1:]) if isinstance(whole, tuple) else results

    def get_config(self):
        unused = self.shared_options().keys() - _USED
        config = super().get_config()
        return {name: value for name, value in config.items() if name not in unused}

    def _refuse(self, *sentence):
        checks.refuse(self.owner, *sentence)

    def _read(self, x):
        """The tensors that change, by their names."""
        if not isinstance(x, dict):
            self._refuse("the batch must be a dict of modalities", f"a {type(x).__name__}")
        names = dict.fromkeys([*self.sampling_rates, *self.frames])
        boxes = [self.boxes] * (self.boxes != _BOXES)
        lacking = [name for name in [*names, *boxes] if name not in x]
        if lacking:
            rule = "`sampling_rates`, `frames` and `boxes` must name modalities"
            self._refuse(rule, f"{lacking} of {list(x)}")
        tensors = {name: tf.convert_to_tensor(x[name]) for name in names}
        first = next(iter(names))
        for name, tensor in tensors.items():
            least, most = (3, 5) if name in self.frames else (2, 8)
            if tensor.shape.rank is None or not least <= tensor.shape.rank <= most:
                rule = "must be (B, T, …)" if least == 2 else "must be frames, (B, H, W) or longer"
                checks.reject(self.owner, name, rule, checks.described(tensor))
            timed = name in self.frames and name in self.sampling_rates
            if timed and _rows(tensor.shape, tensors.values()) == 1:
                received = checks.described(tensor)
                checks.reject(self.owner, name, "must be a video, (B, T, H, W, C)", received)
            if not tensor.shape[:1].is_compatible_with(tensors[first].shape[:1]):
                received = f"{tensor.shape[0]} beside {tensors[first].shape[0]} samples"
                rule = f"must have the same number of samples as `{first}`"
                checks.reject(self.owner, name, rule, received)
        return self._of_one_size(tensors)

    def _of_one_size(self, tensors):
        """The tensors, guarded by checks of numbers of samples that are unknown before a run."""
        (first, most), *others = tensors.items()
        checked = [
            tf.debugging.assert_equal(
                tf.shape(tensor)[0],
                tf.shape(most)[0],
                f"{self.owner}: `{name}` must have the same number of samples as `{first}`.",
            )
            for name, tensor in others
            if None in (tensor.shape[0], most.shape[0])
        ]
        if not checked:
            return tensors
        with tf.control_dependencies(checked):
            return {name: tf.identity(tensor) for name, tensor in tensors.items()}

    def _in_time(self, tensors, size, place, pace):
        if self._steps is None:
            return {}
        sizes, length = self._steps
        lengths = {name: tensors[name].shape[1] for name in self.sampling_rates}
        needed = self.duration * self.speed[1]
        for name, total in lengths.items():
            if total is not None and total < needed * self.sampling_rates[name]:
                received = f"{total} time steps at {self.sampling_rates[name]:g} per second"
                checks.reject(self.owner, name, f"must last at least {needed:g} seconds", received)
        totals = [tf.shape(tensors[name])[1] // sizes[name] for name in self.sampling_rates]
        total = tf.reduce_min(tf.stack(totals))
        speed = tf.ones([size])
        if pace is not None:
            speed = random.between(pace, self.speed, [size])
        span = tf.cast(tf.math.ceil(length * speed), tf.int32)
        sentence = f"{self.owner}: modalities must last {needed:g} seconds."
        enough = tf.debugging.assert_less_equal(tf.reduce_max(span), total, sentence)
        # Or the cuts would fail before it now and then, in words of their own.
        with tf.control_dependencies([enough]):
            start = tf.zeros([size], tf.int32)
            if place is not None:
                start = shared_windows.starts(place, span, total)
        changed = {}
        for name, step in sizes.items():
            begin, count = start * step, length * step
            if self.speed == (1.0, 1.0):
                changed[name] = shared_windows.cut(tensors[name], begin, count, axis=1)
            else:
                changed[name] = shared_windows.resample(tensors[name], begin, count, speed)
        return changed

    def _in_space(self, tensors, x, first, size, rows, columns, coin):
        """Crops and flips frames, whose rows lie along the axes in `first`."""
        if not self.frames:
            return tensors
        flips = tf.zeros([size], tf.bool)
        if coin is not None:
            flips = random.coin(coin, self.flip, size)
        origin = {name: [] for name in self.frames}
        for axis, seed in enumerate((rows, columns)):
            if self.crop < 1:
                axes = {name: number + axis for name, number in first.items()}
                tensors = {**tensors, **self._cropped(tensors, axes, size, seed, origin)}
        for name in self.frames:
            flipped = tf.reverse(tensors[name], axis=[first[name] + 1])
            chosen = tf.where(over(flips, flipped), flipped, tensors[name])
            tensors = {**tensors, name: chosen}
        if self.boxes in x:
            name = self.frames[0]
            frames = [
                tf.cast(tf.shape(frame)[first[name] : first[name] + 2], tf.float32)
                for frame in (tf.convert_to_tensor(x[name]), tensors[name])
            ]
            tensors[self.boxes] = self._boxes(x[self.boxes], frames, origin[name], flips)
        return tensors

    def _cropped(self, tensors, axes, size, seed, origin):
        sides = {name: tensors[name].shape[axis] for name, axis in axes.items()}
        if None in sides.values():
            self._refuse("frames that are cropped must have known sides", f"{sides}")
        sizes, length = shared_windows.common(sides, self.crop)
        if length is None:
            received = f"crop={self.crop} of the sides {sides}"
            self._refuse("`crop` times each side must be a whole number", received)
        total = next(iter(sides.values())) // next(iter(sizes.values()))
        start = tf.fill([size], (total - length) // 2)
        if seed is not None:
            start = shared_windows.starts(seed, tf.fill([size], length), total)
        cut = {}
        for name, step in sizes.items():
            origin[name].append(start * step)
            cut[name] = shared_windows.cut(tensors[name], start * step, length * step, axes[name])
        return cut

    def _boxes(self, given, frames, origin, flips):
        if self.bounding_boxes is None:
            self._refuse("boxes need `bounding_boxes`, their format", "bounding_boxes=None")
        if not (isinstance(given, dict) and is_set_of_boxes(given)):
            rule = 'must be a dict of "boxes" (B, N, 4) and "labels" (B, N)'
            checks.reject(self.owner, self.boxes, rule, f"a {type(given).__name__}")
        given = BoxDict(given)
        coordinates, labels = (tf.convert_to_tensor(part) for part in given.parts.values())
        options = box_rule.Options(**self.bounding_boxes.get_config())
        pixels = box_rule.pixels(BoxSet(coordinates, labels, frames[0]), options)
        whole = box_rule.area_of(pixels)
        if origin:
            top, left = (tf.cast(start, tf.float32)[:, None] for start in origin)
            pixels -= tf.stack([left, top, left, top], axis=-1)
        height, width = frames[1][0], frames[1][1]
        pixels = tf.clip_by_value(pixels, 0.0, tf.stack([width, height, width, height]))
        left, top, right, bottom = tf.unstack(pixels, axis=-1)
        mirrored = tf.stack([width - right, top, width - left, bottom], axis=-1)
        pixels = tf.where(flips[:, None, None], mirrored, pixels)
        share = tf.math.divide_no_nan(box_rule.area_of(pixels), whole)
        kept = (labels != -1) & (share > 0) & (share >= options.least_visible)
        moved = box_rule.from_pixels(pixels, frames[1], self.bounding_boxes.format)
        return given.restored(
            {
                "boxes": tf.where(kept[..., None], tf.cast(moved, coordinates.dtype), -1),
                "labels": tf.where(kept, labels, -1),
            }
        )


def _rows(shape, tensors):
    """The axis of the rows. Beside a video (B, T, H, W, C), (B, T, H, W) has frames, too."""
    videos = [tensor.shape for tensor in tensors if tensor.shape.rank == 5]
    of_video = shape.rank == 4 and any(
        shape[1:].is_compatible_with(video[1:4]) and shape[-1] == video[3] for video in videos
    )
    return 2 if shape.rank == 5 or of_video else 1
