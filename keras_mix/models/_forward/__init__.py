"""A forward pass that is mixed at one of a model's layers."""
