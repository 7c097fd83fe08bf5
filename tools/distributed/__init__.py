"""The checks of tools/train_distributed.py."""
