"""What lies in an image file, found without decoding a pixel.

Each format's container is walked here, with bounds, for three reasons: sizes are known before anything is
allocated; colour profile, EXIF and the number of pictures are read one way for all formats; and the decoder
is handed the bare picture alone, so no metadata, second page or compressed text can reach it.
"""
