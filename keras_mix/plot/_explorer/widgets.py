"""The explorer in a notebook, of ipywidgets."""

import functools
import html
import secrets

from keras_mix._core.optional_imports import require
from keras_mix.plot._explorer import cards, controls
from keras_mix.plot._explorer.images import PNG
from keras_mix.plot._explorer.page import file
from keras_mix.plot._explorer.scene import FIRST

# The room for the names of options; sliders in a browser return 0.30000000000000004.
WIDTH, DIGITS = {"description_width": "7.5rem"}, 6


def build(scene):
    """Returns an `ipywidgets.VBox` that shows a scene."""
    return _Face(scene).box


class _Face:
    def __init__(self, scene):
        self.scene, self.widgets = scene, require("ipywidgets", "plot.explore", extra="explore")
        # Several explorers may stand on one page.
        self.prefix = f"kmx-{secrets.token_hex(4)}-"
        make = self.widgets
        self.mixer = make.Dropdown(
            options=list(scene.mixers), value=FIRST, description="Mixer", style=WIDTH
        )
        self.seed = make.BoundedIntText(
            scene.first_seed, min=0, max=2**31 - 1, description="seed", style=WIDTH
        )
        again = make.Button(description="Draw again", button_style="primary")
        self.beside = make.Checkbox(False, description="originals beside", indent=False)
        self.objects = make.Checkbox(True, description="masks, boxes and keypoints", indent=False)
        self.options, self.inputs = make.VBox(), {}
        self.about, self.cards, self.code = make.HTML(), make.HTML(), make.HTML()
        again.on_click(self._draw_again)
        self.mixer.observe(self._choose, "value")
        for each in (self.seed, self.beside, self.objects):
            each.observe(self._show, "value")
        ticks = [self.beside, *([self.objects] if scene.has_objects else [])]
        left = [self.mixer, self.about, self.options, self.seed, again, *ticks]
        width = {"flex": "0 0 21rem"}
        right = {"flex": "1 1 24rem", "min_width": "0", "padding": "0 0 0 1rem"}
        panes = [
            make.VBox(left, layout=width),
            make.VBox([self.cards, self.code], layout=right),
        ]
        head = make.HTML(
            f"<style>{file('cards.css')}</style>{cards.originals(scene, self.prefix, PNG)}"
        )
        flow = {"display": "flex", "flex_flow": "row wrap"}
        self.box = make.VBox([head, make.Box(panes, layout=flow)])
        self._choose()

    def _choose(self, change=None):
        """Shows the controls of the mixer that is chosen."""
        self.about.value = (
            f"<div class='kmx-about'>{html.escape(controls.about(self.mixer.value))}</div>"
        )
        chosen = self.scene.mixers[self.mixer.value]
        self.inputs = {name: _input(control, self.widgets) for name, control in chosen.items()}
        for each in self.inputs.values():
            each.observe(self._show, "value")
        self.options.children = list(self.inputs.values())
        self._show()

    def _draw_again(self, button):
        self.seed.value = (self.seed.value + 1) % 2**31

    def _show(self, change=None):
        """Draws the picture of the present state."""
        chosen = self.scene.mixers[self.mixer.value]
        values = {name: _rounded(each.value) for name, each in self.inputs.items()}
        options = {name: v for name, v in values.items() if v != chosen[name].default}
        try:
            picture = self.scene.picture(self.mixer.value, options, self.seed.value)
        except ValueError as error:
            self.code.value = f"<p role='alert'>{html.escape(str(error))}</p>"
            return
        found = cards.of_picture(self.scene, picture, self.prefix, PNG)
        classes = "kmx-cards" + " kmx-beside" * self.beside.value
        classes += " kmx-plain" * (not self.objects.value)
        self.cards.value = f'<div class="{classes}">{found}</div>'
        self.code.value = f"<pre class='kmx-code'>{html.escape(picture.code)}</pre>"


def _rounded(value):
    if isinstance(value, tuple):
        return tuple(map(_rounded, value))
    return round(value, DIGITS) if isinstance(value, float) else value


@functools.singledispatch
def _input(control, widgets):
    """The widget of a control."""
    raise TypeError(type(control))


@_input.register(controls.Number)
def _(control, widgets):
    return _slider(control, widgets.IntSlider if control.whole else widgets.FloatSlider)


@_input.register(controls.Pair)
def _(control, widgets):
    return _slider(control, widgets.FloatRangeSlider)


def _slider(control, make):
    """A slider over the range of a control."""
    return make(
        value=control.default, min=control.low, max=control.high, step=control.step,
        description=control.name, tooltip=control.about, style=WIDTH,
    )  # fmt: skip


@_input.register(controls.Choice)
def _(control, widgets):
    return widgets.Dropdown(
        options=list(control.values), value=control.default,
        description=control.name, tooltip=control.about, style=WIDTH,
    )  # fmt: skip


@_input.register(controls.Switch)
def _(control, widgets):
    return widgets.Checkbox(
        control.default, description=control.name, tooltip=control.about, indent=False
    )
