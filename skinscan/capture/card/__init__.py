"""The colour card in a photo: found, read, and turned into a correction for skin with its predicted error."""
