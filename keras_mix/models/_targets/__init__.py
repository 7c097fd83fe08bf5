"""The targets of a mixed forward pass: portions, losses, smoothing."""
