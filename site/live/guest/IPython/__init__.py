"""A small stand-in for IPython on the course's pages: what lessons and packages ask of it, and no more."""

from IPython.display import display

__version__ = "9.0.0"  # matplotlib asks which calls there would be
version_info = (9, 0, 0)

__all__ = ["display", "get_ipython"]


def get_ipython() -> None:
    """There is no shell of IPython here, and packages that ask are told so."""
    return None
