"""From the bytes of a file to samples and their way to linear light."""
