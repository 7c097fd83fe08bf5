"""What comes in: a structure of tensors, read into named leaves."""
