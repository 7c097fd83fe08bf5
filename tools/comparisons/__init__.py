"""What mixing does for sounds, tables and pairs: the experiments of compare_modalities.py."""
