"""What was drawn: a plan, its region, its placement and how inputs are combined."""
