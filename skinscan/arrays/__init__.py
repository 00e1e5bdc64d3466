"""The vectorised core: numbers in, numbers out. It knows no noun, no file and no region name."""
