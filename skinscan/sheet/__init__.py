"""The printable skin card: where everything on it lies, and the page that carries it.

`layout` is what the printer, the finder (capture) and the phantom share: numbers only. `page` makes the PDF.
"""
