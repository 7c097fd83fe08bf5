"""How a plan is applied: one rule for each kind of leaf."""
