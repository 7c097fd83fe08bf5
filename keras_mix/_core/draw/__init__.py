"""How a plan is drawn: random numbers from stateless seeds, and what is made of them."""
