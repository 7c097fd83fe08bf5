"""What the pictures of cards show: one sample, its partner, and what a mixer makes of them."""

from panels import photographs, sounds, tables

# {name of a class: what returns its panels}; classes that are not named have no picture.
DRAWN = {**photographs.DRAWN, **sounds.DRAWN}
TABLES = tables.TABLES
