"""What the models are given: checked, and turned into choices and dials."""
