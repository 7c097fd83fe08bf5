"""The colors of the figures, and how they write users' names."""

# Okabe and Ito's palette, for color-blind readers too.
BLUE, ORANGE, GREY, INK = "#0072B2", "#E69F00", "#999999", "#222222"
# Names come from users: a $ in them is not a formula.
AS_WRITTEN = {"parse_math": False, "usetex": False}
