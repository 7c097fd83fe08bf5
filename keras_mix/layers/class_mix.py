"""ClassMix."""

import functools

import keras
from typing_extensions import Unpack

from keras_mix._core import checks
from keras_mix._core.draw import class_halves, random
from keras_mix._core.plan import plan
from keras_mix.layers._mixer.option_types import SharedOptions
from keras_mix.layers.mixer import Mixer


@keras.saving.register_keras_serializable(package="keras_mix")
class ClassMix(Mixer):
    """Pastes half of the classes of a partner's segmentation mask into each image.

    Of the n classes in the mask of the partner, ⌊n / 2⌋ are drawn, each choice equally likely, and
    all of their pixels are pasted: image, segmentation mask, sample weights of pixels, boxes,
    keypoints and instance masks follow. A label of the whole image is weighted by the pixels. A
    partner of one class gives nothing.

    A batch needs a segmentation mask: class ids `(B, H, W)` or `(B, H, W, 1)` and `num_classes`, or
    class probabilities `(B, H, W, K)`, such as a network's predictions, of which the most probable
    class counts. Ids outside of the classes, such as 255 for pixels to ignore, are never pasted.

    The paper mixes unlabeled images by predictions of a mean teacher, which
    `keras_mix.models.ClassMixConsistency` does. This layer mixes by masks that are there.

    Args:
        **kwargs: Options shared by all mixers; see `keras_mix.layers.Mixer`. `num_classes` is
            needed for masks of class ids.

    Raises:
        ValueError: If a batch has no segmentation mask, or one of class ids and no `num_classes`.

    Example:

    >>> images = np.random.randint(0, 256, (8, 32, 32, 3), "uint8")
    >>> masks = np.random.randint(0, 5, (8, 32, 32))
    >>> images, masks = keras_mix.layers.ClassMix(num_classes=5)(images, masks)
    >>> masks.shape
    TensorShape([8, 32, 32])

    Reference:
        Olsson et al., "ClassMix: Segmentation-Based Data Augmentation for Semi-Supervised
        Learning", WACV 2021, arXiv:2007.07936, section 3.1.
    """

    pastes = True
    grid_rank = 2
    reads = frozenset({"segmentation_masks"})

    def __init__(self, **kwargs: Unpack[SharedOptions]) -> None:
        super().__init__(**kwargs)

    def sample(self, batch, seed):
        order, choice = random.split(seed, 2)
        partners = self.partners(batch, order)
        masks = batch.annotated(self.owner, "segmentation_masks")
        number = batch.annotations.num_classes
        if number is None:
            checks.refuse(
                self.owner,
                "masks of class ids need `num_classes`, since half of the classes are drawn",
                f"{checks.described(masks[0])} and no `num_classes`",
                "Pass num_classes=…, or a dict by the names of the targets if they differ.",
            )
        channels_last = self.data_format == "channels_last"
        ids = batch.pool(*(class_halves.ids_of(each, channels_last) for each in masks))
        drawn = random.bits(choice, [batch.draws, number])
        region = functools.partial(class_halves.region, num_classes=number)
        return plan.paste(partners, self.compiled(region, batch, drawn, ids, partners))
