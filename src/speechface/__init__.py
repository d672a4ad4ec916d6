"""speechface: speech in, a moving face out."""

__all__ = ["__version__"]
__version__ = "0.1.0"
