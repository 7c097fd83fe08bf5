"""The explorer: one scene, shown in a notebook, on a local page and on a stored one.

A `Scene` makes a picture and its code of a batch, a mixer with its options and a seed; `controls`
are derived from the mixers; `cards` are the markup of a picture, for all three faces: `widgets`,
`Server` and `stored`.
"""

from keras_mix.plot._explorer.batch import read
from keras_mix.plot._explorer.browser import opened
from keras_mix.plot._explorer.scene import Scene
from keras_mix.plot._explorer.server import Server

__all__ = ["Scene", "Server", "opened", "read"]
