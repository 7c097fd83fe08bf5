"""RecursiveMix."""

from typing import Any

import keras
from typing_extensions import Unpack

from keras_mix._core import checks, keras_compat
from keras_mix._core.backend import Tensor, xp
from keras_mix._core.draw import random, shapes
from keras_mix._core.plan import plan
from keras_mix._core.plan.placements import Resize
from keras_mix.layers._mixer import recursion
from keras_mix.layers._mixer.option_types import SharedOptions
from keras_mix.layers.mixer import Mixer


@keras.saving.register_keras_serializable(package="keras_mix")
class RecursiveMix(Mixer):
    """Pastes the batch that was mixed before, shrunk, into the next one, with its mixed labels.

    The partner of a sample is a whole sample of the previous mixed batch, which itself shows one of
    the batch before, and so on. So an image shows its sources at several scales, and its label has
    several classes: w · label + (1 - w) · previous mixed label, with w counted in pixels. The box
    covers a fraction of the image that is uniform over `fraction`; it has the proportions of the
    image and a center uniform over the pixels, and is clipped at the borders.

    The previous batch is an argument, as a seed is. `keras_mix.data.mix(dataset, layer)` carries it
    from batch to batch; a loop of your own passes the last result, `partners=previous`. The first
    batch of an epoch has no previous one: it is mixed with itself. `dataset.map(layer)` is refused,
    since a map function keeps nothing between its batches.

    `keras_mix.models.MixingModel(model, mixer=layer)` keeps the previous batch in variables, from
    step to step and over epochs. They hold as many samples as the first batch if its size is known
    when the step is traced, else 128, of which larger batches draw their partners. They are no
    weights, so no file holds them. Labels belong to whole samples there; class ids need Keras's
    sparse cross-entropy. It runs on one replica.

    Labels must be able to hold several classes: class ids come out as rows `(B, K)`. Partners are
    drawn from the previous batch by `pairing`, so that batches may differ in size.

    Deviations from the authors' code (implus/RecursiveMix-pytorch, `recursive_mix` in `utils.py`
    and `train` in `main.py`):

    - The consistency loss between the prediction for the pasted region and the previous prediction
      is left out; it needs RoIAlign inside the network.
    - Each sample has its own box; with `per="batch"` all share one, as in their code.
    - Partners are drawn from the previous batch; theirs are taken in order, as with
      `pairing=keras_mix.pairings.InOrder()`, which is the same in distribution for shuffled data.
    - Images are resized bilinearly; their default takes the nearest pixel.
    - The first batch is mixed with itself; theirs stays unmixed.

    Args:
        fraction: Pair of floats in [0, 1]. Range of the fraction of the image that the box covers
            before it is clipped. Defaults to (0.0, 0.5), the authors' choice.
        **kwargs: Options shared by all mixers; see `keras_mix.layers.Mixer`. Boxes need
            `BoundingBoxOptions(format, max_boxes=…)`.

    Raises:
        ValueError: If `fraction` is not a range within [0, 1]; if the layer is called in a graph
            without `partners` and without a seed; if a previous batch is given and an option or a
            target cannot be repeated: `label_mode="pairs"`, `label_smoothing`, `label_rule`, boxes
            without `max_boxes`, keypoints and instance masks.

    Example:

    >>> images, labels = np.zeros((64, 32, 32, 3), "uint8"), np.arange(64) % 10
    >>> dataset = tf.data.Dataset.from_tensor_slices((images, labels)).batch(16)
    >>> mix = keras_mix.layers.RecursiveMix(num_classes=10)
    >>> mixed = keras_mix.data.mix(dataset, mix, seed=1)

    In a loop of one's own:

    >>> previous = None
    >>> for batch in dataset:
    ...     previous = mix(batch, partners=previous)

    Reference:
        Yang et al., "RecursiveMix: Mixed Learning with History", NeurIPS 2022, arXiv:2203.06844,
        section 3.
    """

    pastes = True
    moves = True
    grid_rank = 2
    recurs = True
    stands_alone = "a mixer of the previous batch must see all of it, mixed by itself"

    def __init__(
        self, fraction: tuple[float, float] = (0.0, 0.5), **kwargs: Unpack[SharedOptions]
    ) -> None:
        super().__init__(**kwargs)
        self.fraction = checks.interval("fraction", fraction, high=1.0)
        recursion.refuse_objects(self)

    def call(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        training: bool | None = None,
        seed: int | Tensor | None = None,
        partners: Any = None,
    ) -> Any:
        """Mixes a batch with the previous mixed one, `partners`; without it, with itself.

        The other arguments are those of `Mixer.call`.
        """
        if partners is None:
            forgets = not (xp.executing_eagerly() or keras_compat.in_symbolic_scope())
            if forgets and seed is None and training is not False:
                recursion.refuse_forgetful(self)
            return super().call(x, y, sample_weight, training, seed)
        recursion.refuse_unrepeatable(self)
        # Labels of the previous batch have several classes, so these take the same form.
        batch = super().call(x, y, sample_weight, training=False)
        previous = super().call(partners, training=False)
        return super().call(batch, training=training, seed=seed, partners=previous)

    def sample(self, batch, seed):
        order, share, place = random.split(seed, 3)
        fraction = random.between(share, self.fraction, [batch.draws])
        sides = shapes.sides(fraction, batch.grid)
        corner = random.points(place, batch.draws, batch.grid) - sides // 2
        size = xp.stack(batch.grid)
        end = xp.minimum(corner + sides, size)
        corner = xp.maximum(corner, 0)
        sides = end - corner
        # A box without a pixel shows nothing, but its frame must have a size.
        frame = xp.concat([corner, xp.maximum(sides, 1)], axis=1)
        whole = xp.broadcast_to(xp.concat([[0, 0], size], axis=0), xp.shape(frame))
        frames = xp.reshape(xp.concat([whole, frame], axis=1), [-1, 2, 4])
        box = shapes.box(corner, sides, batch.grid)
        return plan.paste(self.partners(batch, order), box, Resize(xp.cast(frames, "float32")))
