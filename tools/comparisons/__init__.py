"""The effect of mixing on sounds, tables and pairs: experiments of compare_modalities.py."""
