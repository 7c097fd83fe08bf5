"""What the base of all mixers is made of."""
