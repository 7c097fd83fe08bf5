"""The private machinery; its packages follow the data, and import only those before them.

- `options`: what a layer is given: checked, shown and saved.
- `plan`: what was drawn: plan, regions, placements, combinations, counted weights.
- `draw`: how it is drawn: random numbers, shapes, noise fields, saliency, label kernels.
- `ops`: the model side, on any backend of Keras.
- `batch`: what comes in: structure, reader, leaves, the grid of regions.
- `leaves`: how a plan is applied: one rule for each kind of leaf.
"""
