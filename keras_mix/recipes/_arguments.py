"""Options that recipes pass on to their layers."""

from keras_mix._core.options import signatures, unknown_arguments


def check(recipe, cls, options):
    """Refuses options that the layer of a recipe does not take.

    Args:
        recipe: String. Name of the recipe.
        cls: The class of the layer.
        options: Dict from names to values.
    """
    known = [name for name in signatures.arguments(cls) if name != "mixers"]
    unknown_arguments.refuse(f"recipes.{recipe}", options, known)
