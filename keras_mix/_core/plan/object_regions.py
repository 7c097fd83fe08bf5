"""The region of objects that are pasted by their masks: it knows what is visible of each object."""

from typing import NamedTuple

from keras_mix._core.backend import Tensor, xp
from keras_mix._core.backend.axes import over
from keras_mix._core.plan.regions import Mask, Region


class Seen(NamedTuple):
    """What a region shows of the objects of one source.

    Attributes:
        visible: float32 `(B, N)`, the visible pixels of each object.
        total: float32 `(B, N)`, the pixels of the whole object where its source is placed, ≥ 1.
        box: float32 `(B, N, 4)`, left, top, right, bottom around the visible pixels; undefined
            where there are none.
        stays: bool `(B, N)`, whether the object is wholly visible where it was.
    """

    visible: Tensor
    total: Tensor
    box: Tensor
    stays: Tensor

    @property
    def fraction(self):
        """float32 `(B, N)`, the visible fraction of each object."""
        return self.visible / self.total

    def unless(self, unmixed):
        """The same, but all of each object stays where bool `unmixed` `(B or 1,)` is True."""
        unmixed = over(unmixed, self.visible)
        return self._replace(
            visible=xp.where(unmixed, self.total, self.visible), stays=self.stays | unmixed
        )

    def where(self, mixed):
        """The same, but no object is visible where bool `mixed` `(B or 1,)` is False."""
        mixed = over(mixed, self.visible)
        return self._replace(
            visible=xp.where(mixed, self.visible, xp.zeros_like(self.visible)),
            stays=self.stays & mixed,
        )


class _PastedObjects(NamedTuple):
    mask: Mask
    objects: tuple


class PastedObjects(Region, _PastedObjects):
    """A region that shows the pasted objects of source 1.

    Attributes:
        mask: `Mask`, True where a pasted object is.
        objects: A `Seen` for each source, the objects in the order of its instance masks.
    """

    @property
    def sizes(self) -> list[int | Tensor]:
        return self.mask.sizes

    def dense(self):
        return self.mask.dense()

    def coverage(self, number):
        return self.mask.coverage(number)

    def coverage_by_others(self, number):
        return self.mask.coverage_by_others(number)

    def weights(self, sources):
        return self.mask.weights(sources)

    def keep(self, mixed):
        own, other = self.objects
        return PastedObjects(self.mask.keep(mixed), (own.unless(~mixed), other.where(mixed)))

    def stretch(self, sizes):
        return self.mask.stretch(sizes)

    def seen(self, source):
        return self.objects[source]
