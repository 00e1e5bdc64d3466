"""Millimetres a pixel: from stickers, cards and irises, and the plane that they lie in."""
