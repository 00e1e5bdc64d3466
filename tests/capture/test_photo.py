"""What a file says, a Photo says: pixels, colours, orientation; and no more about the person than needed."""

from __future__ import annotations

import hashlib
import io
import struct
import warnings
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageCms, PngImagePlugin

from skinscan.capture.photo import read_photo
from skinscan.records import ParameterError, Photo, PhotoError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # colour-science tells on import that matplotlib is not there
    import colour

EYE = np.eye(3, dtype=np.float32)


def picture(height: int = 24, width: int = 40, seed: int = 1) -> NDArray[np.uint8]:
    """A smooth, unsymmetrical colour picture."""
    rows, columns = np.mgrid[0:height, 0:width]
    waves = [np.sin(rows / (3 + k + seed) + columns / (7 - k)) * 90 + 128 for k in range(3)]
    return np.stack(waves, axis=-1).astype(np.uint8)


def read_by_opencv(path: Path) -> NDArray[Any]:
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED))[..., ::-1]


def steps_of(photo: Photo) -> str:
    return "; ".join(photo.steps)


# --- ICC profiles, written by hand --------------------------------------------------------------------------


def fixed(*values: float) -> bytes:
    """s15Fixed16Number, ICC.1:2022 4.6."""
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def icc(space: bytes, tags: dict[bytes, bytes], *, version: int = 4, connection: bytes = b"XYZ ") -> bytes:
    """A profile with these tags (ICC.1:2022 7.2, 7.3)."""
    body, table, at = b"", struct.pack(">I", len(tags)), 132 + 12 * len(tags)
    for name, content in tags.items():
        content += bytes(-len(content) % 4)
        table += name + struct.pack(">II", at + len(body), len(content))
        body += content
    kind = b"prtr" if space == b"CMYK" else b"mntr"
    head = struct.pack(">I4sBBH4s4s4s12s4s", at + len(body), b"", version, 0, 0, kind, space, connection, b"", b"acsp")
    head = head.ljust(68, b"\0") + fixed(0.9642, 1.0, 0.8249)
    return head.ljust(128, b"\0") + table + body


def matrix_profile(primaries: Any, curve: bytes, version: int = 4) -> bytes:
    """An RGB profile for primaries with a D65 white, adapted to D50 with Bradford by colour-science."""
    white = np.array([0.3127, 0.3290])
    d50 = np.array([0.9642, 1.0, 0.8249])
    to_xyz = colour.normalised_primary_matrix(primaries, white)
    to_d50 = colour.adaptation.matrix_chromatic_adaptation_VonKries(colour.xy_to_XYZ(white), d50, "Bradford")
    columns = to_d50 @ to_xyz
    colorants = {name: b"XYZ \0\0\0\0" + fixed(*columns[:, k]) for k, name in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))}
    return icc(b"RGB ", {**colorants, b"rTRC": curve, b"gTRC": curve, b"bTRC": curve}, version=version)


SRGB_PARA = b"para\0\0\0\0\0\3\0\0" + fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
P3 = colour.RGB_COLOURSPACES["Display P3"].primaries
ADOBE = colour.RGB_COLOURSPACES["Adobe RGB (1998)"].primaries
PROPHOTO_LIKE = np.array([[0.7347, 0.2653], [0.1596, 0.8404], [0.0366, 0.0001]])


def curv(*values: int) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(f">I{len(values)}H", len(values), *values)


def linear_by_colour_science(pixels: NDArray[Any], space: str, peak: float) -> NDArray[np.float64]:
    """Linear sRGB: the space's own decoding, and the matrix between two D65 spaces, without adaptation."""
    source, target = colour.RGB_COLOURSPACES[space], colour.RGB_COLOURSPACES["sRGB"]
    matrix = np.linalg.inv(colour.normalised_primary_matrix(target.primaries, np.array([0.3127, 0.3290])))
    matrix = matrix @ colour.normalised_primary_matrix(source.primaries, np.array([0.3127, 0.3290]))
    return np.asarray(source.cctf_decoding(pixels / peak) @ matrix.T)


@pytest.mark.parametrize("version", [2, 4])
def test_display_p3_keeps_its_colours_also_outside_srgb(tmp_path: Path, version: int) -> None:
    pixels = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [220, 160, 140], [255, 255, 255]]], np.uint8)
    Image.fromarray(pixels).save(tmp_path / "p3.png", icc_profile=matrix_profile(P3, SRGB_PARA, version))
    photo = read_photo(tmp_path / "p3.png")
    # s15Fixed16 rounds colorants to 8e-6, which the inverse of the sRGB matrix enlarges up to fourfold.
    np.testing.assert_allclose(photo.linear_rgb(), linear_by_colour_science(pixels, "Display P3", 255), atol=1e-4)
    assert photo.linear_rgb()[0, 1, 0] < -0.2
    assert "Display P3" in steps_of(photo)
    np.testing.assert_array_equal(photo.pixels, pixels)


def test_display_p3_jpeg_and_webp_carry_the_same_profile(tmp_path: Path) -> None:
    profile = matrix_profile(P3, SRGB_PARA)
    for name in ("a.jpg", "a.webp", "a.tif"):
        Image.fromarray(picture()).save(tmp_path / name, icc_profile=profile)
        photo = read_photo(tmp_path / name)
        expected = linear_by_colour_science(photo.pixels, "Display P3", 255)
        np.testing.assert_allclose(photo.linear_rgb(), expected, atol=1e-4)


def test_adobe_rgb_by_profile_with_16_bits(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 65536, (5, 7, 3), np.uint16)
    profile = matrix_profile(ADOBE, curv(563), 2)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", iccprofile=profile)
    photo = read_photo(tmp_path / "a.tif")
    assert photo.lut.shape == (3, 65536)
    expected = linear_by_colour_science(pixels, "Adobe RGB (1998)", 65535)
    np.testing.assert_allclose(photo.linear_rgb(), expected, atol=1e-4)
    assert "Adobe RGB (1998)" in steps_of(photo)


def test_adobe_rgb_by_exif_alone(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA001] = 0xFFFF
    exif.get_ifd(0x8769)[0xA005] = {1: "R03"}
    Image.fromarray(picture()).save(tmp_path / "a.jpg", exif=exif)
    photo = read_photo(tmp_path / "a.jpg")
    expected = linear_by_colour_science(photo.pixels, "Adobe RGB (1998)", 255)
    np.testing.assert_allclose(photo.linear_rgb(), expected, atol=1e-5)
    assert "as EXIF says" in steps_of(photo)


@pytest.mark.parametrize("made", ["none", "lcms", "table"])
def test_srgb_is_exact_and_free_of_a_matrix(tmp_path: Path, made: str) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    if made == "table":
        table = colour.RGB_COLOURSPACES["sRGB"].cctf_decoding(np.linspace(0, 1, 1024)) * 65535
        srgb = colour.RGB_COLOURSPACES["sRGB"].primaries
        profile = matrix_profile(srgb, curv(*np.rint(table).astype(int)), 2)
    Image.fromarray(picture()).save(tmp_path / "a.png", icc_profile=None if made == "none" else profile)
    photo = read_photo(tmp_path / "a.png")
    np.testing.assert_array_equal(photo.matrix, EYE)
    expected = colour.RGB_COLOURSPACES["sRGB"].cctf_decoding(np.arange(256) / 255)
    np.testing.assert_allclose(photo.lut[1], expected, atol=1e-7)  # float32
    assert ("treated as sRGB" in steps_of(photo)) == (made == "none")


# (para type, its parameters, its value at x) from ICC.1:2022 table 70, on both sides of its break
PARAMETRIC = [
    (0, (1.8,), lambda x: x**1.8),
    (1, (2.0, 1.1, -0.1), lambda x: (1.1 * x - 0.1) ** 2 if x >= 0.1 / 1.1 else 0.0),
    (2, (2.0, 0.9, 0.0, 0.1), lambda x: (0.9 * x) ** 2 + 0.1),
    (3, (2.4, 0.95, 0.05, 0.08, 0.04), lambda x: (0.95 * x + 0.05) ** 2.4 if x >= 0.04 else 0.08 * x),
    (
        4,
        (2.2, 0.9, 0.05, 0.1, 0.05, 0.02, 0.01),
        lambda x: (0.9 * x + 0.05) ** 2.2 + 0.02 if x >= 0.05 else 0.1 * x + 0.01,
    ),
]


@pytest.mark.parametrize(("kind", "parameters", "value"), PARAMETRIC)
def test_parametric_curves(tmp_path: Path, kind: int, parameters: tuple[float, ...], value: Any) -> None:
    tag = b"para\0\0\0\0" + struct.pack(">HH", kind, 0) + fixed(*parameters)
    Image.fromarray(picture()).save(tmp_path / "a.png", icc_profile=matrix_profile(PROPHOTO_LIKE, tag))
    lut = read_photo(tmp_path / "a.png").lut[0]
    np.testing.assert_allclose(lut, [value(code / 255) for code in range(256)], atol=6e-5)  # s15Fixed16


def test_grey_profile_and_table_curve(tmp_path: Path) -> None:
    profile = icc(b"GRAY", {b"kTRC": curv(0, 16384, 65535)})
    Image.fromarray(picture()[..., 0]).save(tmp_path / "a.png", icc_profile=profile)
    photo = read_photo(tmp_path / "a.png")
    assert photo.is_grey
    np.testing.assert_allclose(photo.lut[2, [0, 51, 255]], [0, 0.4 * 16384 / 65535, 1], atol=1e-6)
    linear = photo.linear_rgb()
    np.testing.assert_array_equal(linear[..., 0], linear[..., 2])


def cmyk_profile() -> bytes:
    """Lab by a table of two points an ink ('mft1', ICC.1:2022 10.11): paper is white, any full ink black."""
    identity = bytes(range(256))
    cube = b"".join(bytes([255 if k == 0 else 0, 128, 128]) for k in range(16))
    head = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
    return icc(b"CMYK", {b"A2B0": head + identity * 4 + cube + identity * 3}, version=2, connection=b"Lab ")


def test_cmyk_by_profile_and_without(tmp_path: Path) -> None:
    inks = np.zeros((8, 16, 4), np.uint8)
    inks[:, 8:, 3] = 255
    image = Image.frombytes("CMYK", (16, 8), inks.tobytes())
    image.save(tmp_path / "with.tif", icc_profile=cmyk_profile())
    image.save(tmp_path / "without.tif")
    image.save(tmp_path / "broken.tif", icc_profile=cmyk_profile()[:300])
    image.save(tmp_path / "jpeg.jpg", quality=100)
    for name, note in (
        ("with.tif", "by its profile"),
        ("without.tif", "a guess"),
        ("broken.tif", "could not be used"),
        ("jpeg.jpg", "a guess"),
    ):
        photo = read_photo(tmp_path / name)
        assert photo.pixels[0, 0].min() > 250
        assert photo.pixels[0, -1].max() < 5
        assert note in steps_of(photo)


@pytest.mark.parametrize(
    "profile",
    [
        b"no profile",
        matrix_profile(P3, SRGB_PARA)[:200],
        matrix_profile(P3, b"curv\0\0\0\0\xff\xff\xff\xff\0\0"),
        matrix_profile(P3, b"para\0\0\0\0\0\1\0\0" + fixed(1, 0, 1)),
        matrix_profile(P3, b"junkjunkjunkjunk"),
        icc(b"GRAY", {b"kTRC": curv(0)}),
        icc(b"RGB ", {b"A2B0": b"mft2" + bytes(60)}, connection=b"Lab "),
        icc(b"CMYK", {}),
        matrix_profile(P3, SRGB_PARA)[:140] + b"\xff" * 60 + matrix_profile(P3, SRGB_PARA)[200:],
    ],
)
def test_broken_profiles_are_told_and_read_as_srgb(tmp_path: Path, profile: bytes) -> None:
    Image.fromarray(picture()).save(tmp_path / "a.png", icc_profile=profile)
    photo = read_photo(tmp_path / "a.png")
    assert "embedded colour profile could not be used" in steps_of(photo)
    assert "treated as sRGB" in steps_of(photo)
    np.testing.assert_array_equal(photo.matrix, EYE)


def test_png_gamma_and_code_points(tmp_path: Path) -> None:
    def saved(name: bytes, content: bytes) -> Photo:
        info = PngImagePlugin.PngInfo()
        info.add(name, content)
        Image.fromarray(picture()).save(tmp_path / "a.png", pnginfo=info)
        return read_photo(tmp_path / "a.png")

    np.testing.assert_allclose(saved(b"gAMA", struct.pack(">I", 100000)).lut[0], np.arange(256) / 255, atol=1e-7)
    p3 = saved(b"cICP", bytes([12, 13, 0, 1]))
    np.testing.assert_allclose(p3.linear_rgb(), linear_by_colour_science(p3.pixels, "Display P3", 255), atol=1e-5)
    with pytest.raises(PhotoError, match="high dynamic range"):
        saved(b"cICP", bytes([9, 16, 0, 1]))


# --- orientation --------------------------------------------------------------------------------------------


def stored(upright: NDArray[Any], orientation: int) -> NDArray[Any]:
    """How a file of this orientation lies: where its row 0 and column 0 are (EXIF 2.32, tag 274)."""
    return {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.swapaxes(0, 1),
        6: np.rot90(upright),
        7: upright[::-1, ::-1].swapaxes(0, 1),
        8: np.rot90(upright, -1),
    }[orientation]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.webp", "lzw.tif"])
def test_orientation_is_applied_once(tmp_path: Path, orientation: int, name: str) -> None:
    alpha = np.full((24, 40, 1), 255, np.uint8)
    alpha[:5, :9] = 0
    upright = np.concatenate([picture(), alpha], axis=2)
    exif = Image.Exif()
    exif[0x0112] = orientation
    how: dict[str, Any] = {"lossless": True, "exact": True} if "webp" in name else {}
    if name == "lzw.tif":
        how = {"compression": "tiff_lzw"}
    Image.fromarray(np.ascontiguousarray(stored(upright, orientation))).save(tmp_path / name, exif=exif, **how)
    photo = read_photo(tmp_path / name)
    np.testing.assert_array_equal(photo.pixels, upright[..., :3])
    assert photo.opaque is not None
    np.testing.assert_array_equal(photo.opaque, alpha[..., 0] == 255)
    assert ("turned upright" in steps_of(photo)) == (orientation != 1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_of_16_bit_tiff(tmp_path: Path, orientation: int) -> None:
    upright = picture().astype(np.uint16) * 251
    tags = [(274, "H", 1, orientation, True)]
    tifffile.imwrite(tmp_path / "a.tif", stored(upright, orientation), photometric="rgb", extratags=tags)
    np.testing.assert_array_equal(read_photo(tmp_path / "a.tif").pixels, upright)


def test_meaningless_orientation_is_told(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 99
    Image.fromarray(picture()).save(tmp_path / "a.png", exif=exif)
    assert "orientation tag has no meaning" in steps_of(read_photo(tmp_path / "a.png"))


# --- kinds of pixels ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_16_bit_png_is_exact(tmp_path: Path, channels: int) -> None:
    values = np.random.default_rng(channels).integers(0, 65536, (9, 11, channels), np.uint16)
    if channels == 4:
        values[..., 3] = 65535
        values[0, 0, 3] = 65534
    cv2.imwrite(str(tmp_path / "a.png"), values)
    photo = read_photo(tmp_path / "a.png")
    expected = values[..., 2::-1] if channels > 1 else values.repeat(3, axis=2)
    assert photo.pixels.dtype == np.uint16
    np.testing.assert_array_equal(photo.pixels, expected)
    assert (photo.opaque is not None) == (channels == 4)
    assert photo.is_grey == (channels == 1)


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"compression": "zlib"},
        {"compression": "zlib", "predictor": True},
        {"byteorder": ">"},
        {"bigtiff": True},
        {"tile": (16, 16)},
        {"tile": (16, 16), "compression": "zlib", "byteorder": ">"},
        {"planarconfig": "separate"},
        {"planarconfig": "separate", "compression": "zlib", "rowsperstrip": 7},
        {"rowsperstrip": 5, "compression": "zlib"},
    ],
)
def test_16_bit_tiff_is_exact(tmp_path: Path, how: dict[str, Any]) -> None:
    values = np.random.default_rng(5).integers(0, 65536, (33, 41, 3), np.uint16)
    lies = np.moveaxis(values, 2, 0) if "planarconfig" in how else values
    tifffile.imwrite(tmp_path / "a.tif", lies, photometric="rgb", **how)
    np.testing.assert_array_equal(read_photo(tmp_path / "a.tif").pixels, values)


def test_16_bit_lzw_and_grey_tiff_are_exact(tmp_path: Path) -> None:
    values = np.random.default_rng(5).integers(0, 65536, (33, 41, 3), np.uint16)
    cv2.imwrite(str(tmp_path / "lzw.tif"), values, [cv2.IMWRITE_TIFF_COMPRESSION, 5])
    np.testing.assert_array_equal(read_photo(tmp_path / "lzw.tif").pixels, values[..., ::-1])
    for photometric, expected in (("minisblack", values[..., 0]), ("miniswhite", 65535 - values[..., 0])):
        tifffile.imwrite(tmp_path / "grey.tif", values[..., 0], photometric=photometric)
        photo = read_photo(tmp_path / "grey.tif")
        assert photo.is_grey
        np.testing.assert_array_equal(photo.pixels[..., 1], expected)


def test_12_bits_in_16_are_spread_where_the_file_says_so(tmp_path: Path) -> None:
    values = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="minisblack", extratags=[(281, "H", 1, 4095, True)])
    photo = read_photo(tmp_path / "a.tif")
    assert photo.pixels.max() == 65535
    assert (photo.pixels[..., 0] >> 4 == values).all()
    assert "12-bit values" in steps_of(photo)
    tifffile.imwrite(tmp_path / "b.tif", values, photometric="minisblack")
    photo = read_photo(tmp_path / "b.tif")
    assert photo.pixels.max() == 4095
    assert "perhaps fewer bits" in steps_of(photo)


def test_grey_alpha_palette_and_keyed_pictures(tmp_path: Path) -> None:
    grey = picture()[..., 0]
    Image.fromarray(grey).save(tmp_path / "l.png")
    assert read_photo(tmp_path / "l.png").is_grey
    Image.fromarray(np.stack([grey, np.where(grey > 100, 255, 0).astype(np.uint8)], axis=2)).save(tmp_path / "la.png")
    photo = read_photo(tmp_path / "la.png")
    assert photo.is_grey
    np.testing.assert_array_equal(photo.opaque, grey > 100)
    np.testing.assert_array_equal(photo.pixels[..., 2], grey)
    palette = Image.fromarray(picture()).quantize(16)
    palette.save(tmp_path / "p.png")
    np.testing.assert_array_equal(read_photo(tmp_path / "p.png").pixels, np.asarray(palette.convert("RGB")))
    palette.save(tmp_path / "pt.png", transparency=3)
    np.testing.assert_array_equal(read_photo(tmp_path / "pt.png").opaque, np.asarray(palette) != 3)
    Image.fromarray(picture()).save(tmp_path / "key.png", transparency=tuple(picture()[2, 3].tolist()))
    keyed = read_photo(tmp_path / "key.png").opaque
    assert keyed is not None
    assert not keyed[2, 3]
    Image.fromarray(grey > 100).save(tmp_path / "one.png")
    np.testing.assert_array_equal(read_photo(tmp_path / "one.png").pixels[..., 0], (grey > 100) * 255)


def test_an_rgb_file_without_colour_is_grey(tmp_path: Path) -> None:
    Image.fromarray(picture()[..., :1].repeat(3, axis=2)).save(tmp_path / "a.png")
    assert read_photo(tmp_path / "a.png").is_grey
    Image.fromarray(picture()).save(tmp_path / "b.png")
    assert not read_photo(tmp_path / "b.png").is_grey


def test_lab_tiff_agrees_with_colour_science(tmp_path: Path) -> None:
    lab = np.array([[[255, 0, 0], [140, 15, 20], [100, 10, 236]]], np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", lab, photometric="cielab")
    photo = read_photo(tmp_path / "a.tif")
    signed = lab.astype(np.float64) * [100 / 255, 1, 1]
    signed[..., 1:] -= 256 * (signed[..., 1:] > 127)
    xyz = colour.Lab_to_XYZ(signed, colour.XYZ_to_xy([0.9642, 1.0, 0.8249]))
    expected = colour.XYZ_to_RGB(
        xyz,
        "sRGB",
        illuminant=colour.XYZ_to_xy([0.9642, 1.0, 0.8249]),
        chromatic_adaptation_transform="Bradford",
    )
    # colour-science's sRGB matrix is the standard's, rounded to four places
    np.testing.assert_allclose(photo.linear_rgb(), expected, atol=4e-4)


# --- JPEG ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("size", [(64, 64), (37, 101)])
def test_a_jpeg_is_decoded_as_pillow_does_bit_by_bit(
    tmp_path: Path, subsampling: int, progressive: bool, size: tuple[int, int]
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3)).astype(np.uint8)
    path = tmp_path / "noise.jpg"
    Image.fromarray(pixels).save(path, quality=83, subsampling=subsampling, progressive=progressive)
    with Image.open(path) as image:
        assert np.array_equal(read_photo(path).pixels, np.asarray(image))


@pytest.mark.parametrize("quality", [10, 30, 50, 75, 90, 95, 100])
def test_jpeg_quality_is_told(tmp_path: Path, quality: int) -> None:
    Image.fromarray(picture()).save(tmp_path / "a.jpg", quality=quality)
    assert read_photo(tmp_path / "a.jpg").jpeg_quality == quality


@pytest.mark.parametrize(("subsampling", "told"), [(0, False), (1, True), (2, True)])
def test_chroma_subsampling_is_told(tmp_path: Path, subsampling: int, told: bool) -> None:
    Image.fromarray(picture()).save(tmp_path / "a.jpg", subsampling=subsampling)
    assert read_photo(tmp_path / "a.jpg").chroma_subsampled is told


@pytest.mark.parametrize("how", [{}, {"progressive": True}, {"restart_marker_blocks": 2}, {"optimize": True}])
@pytest.mark.parametrize("flat", [False, True])
def test_whole_jpegs_pass_also_where_they_are_flat(tmp_path: Path, how: dict[str, Any], flat: bool) -> None:
    pixels = np.full((40, 56, 3), 128, np.uint8) if flat else picture(40, 56)
    Image.fromarray(pixels).save(tmp_path / "a.jpg", **how)
    np.testing.assert_array_equal(read_photo(tmp_path / "a.jpg").pixels, np.asarray(Image.open(tmp_path / "a.jpg")))


# --- what is told and what is not ---------------------------------------------------------------------------


def test_time_and_camera_are_kept_and_nobody_is_named(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x013B] = "Canon\x07", "Canon EOS R5\n" + "x" * 300, "Doctor Secretname"
    exif[0x8298], exif[0x010E] = "Secretname", "Secretname's left cheek"
    details = exif.get_ifd(0x8769)
    details[0x9003], details[0xA431], details[0xA430] = "2024:02:29 08:09:10", "SN777123", "Secretname"
    exif.get_ifd(0x8825).update({1: "N", 2: (47.0, 22.0, 11.5), 3: "E", 4: (8.0, 32.0, 19.25)})
    desc = b"desc\0\0\0\0" + struct.pack(">I", 11) + b"Secretname\0" + bytes(79)
    profile = matrix_profile(PROPHOTO_LIKE, curv(461))
    named = icc(b"RGB ", {b"desc": desc})
    for name, colours in (("a.jpg", profile), ("b.png", named), ("c.tif", profile), ("d.webp", named)):
        Image.fromarray(picture()).save(tmp_path / name, exif=exif, icc_profile=colours, comment=b"Secretname")
        photo = read_photo(tmp_path / name)
        if not name.endswith("tif"):  # Pillow writes no EXIF directory into a TIFF
            assert photo.taken_at == "2024-02-29T08:09:10"
        assert photo.camera is not None
        assert photo.camera.startswith("Canon EOS R5 xxx")
        assert len(photo.camera) <= 80
        arrays = ("pixels", "lut", "matrix", "opaque")
        told = repr({k: v for k, v in vars(photo).items() if k not in (*arrays, "sha256")})
        for secret in ("Secretname", "SN777", "47", "22.0", "11.5", "19.25", str(tmp_path)):
            assert secret not in told


@pytest.mark.parametrize("said", ["0000:00:00 00:00:00", "2024:13:01 00:00:00", "1904:01:01 00:00:00", "soon", ""])
def test_impossible_times_are_left_out(tmp_path: Path, said: str) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = said
    Image.fromarray(picture()).save(tmp_path / "a.jpg", exif=exif)
    assert read_photo(tmp_path / "a.jpg").taken_at is None


def test_the_file_is_hashed_named_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "wange ä.png"
    Image.fromarray(picture()).save(path)
    before, times = path.read_bytes(), path.stat().st_mtime_ns
    photo = read_photo(str(path))
    assert photo.sha256 == hashlib.sha256(before).hexdigest()
    assert photo.name == "wange ä.png"
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (before, times)
    for array in (photo.pixels, photo.lut, photo.matrix):
        assert not array.flags.writeable


def test_a_wrong_name_is_read_by_content_and_told(tmp_path: Path) -> None:
    Image.fromarray(picture()).save(tmp_path / "a.png", format="JPEG")
    photo = read_photo(tmp_path / "a.png")
    assert photo.format == "JPEG"
    assert "the name ends in .png but the file is JPEG" in photo.steps


def test_the_pixel_cap_is_the_users(tmp_path: Path) -> None:
    for name in ("a.png", "a.jpg", "a.tif", "a.webp"):
        Image.fromarray(picture(100, 110)).save(tmp_path / name)
        assert read_photo(tmp_path / name, max_megapixels=0.011).shape == (100, 110)
        with pytest.raises(PhotoError, match=r"at most 0.0109 megapixels.*found 0.011 megapixels \(110 x 100\)"):
            read_photo(tmp_path / name, max_megapixels=0.0109)
    for nonsense in (0, -1, float("nan"), float("inf"), "60", None):
        with pytest.raises(ParameterError):
            read_photo(tmp_path / "a.png", max_megapixels=nonsense)  # type: ignore[arg-type]


# --- the shared photos --------------------------------------------------------------------------------------

# name: what the photo is, or what the error says
DECODER: dict[str, Any] = {
    "16bit.r.tif": ("TIFF", (64, 64), np.uint16, "no colour profile"),
    "IMG_5195.HEIC": ("HEIC", (3313, 2566), np.uint8, "Display P3"),
    "broken.png": "damaged",
    "broken_data_stream.png": "damaged",
    "corrupt_github_49.heic": "not a supported photo format",
    "decompression_bomb.gif": "a GIF",
    "decompression_bomb.ico": "ICO",
    "decompression_bomb_extents.gif": "a GIF",
    "example.heic": ("HEIC", (854, 1280), np.uint8, "2 pictures"),
    "frame_size.mpo": ("JPEG", (70, 56), np.uint8, "several frames: the first was read"),
    "hopper.jpg": ("JPEG", (128, 128), np.uint8, "no colour profile"),
    "hopper.png": ("PNG", (128, 128), np.uint8, "sRGB"),
    "hopper_16bit_qtables.jpg": ("JPEG", (128, 128), np.uint8, "no colour profile"),
    "icc-after-SOF.jpg": ("JPEG", (10, 10), np.uint8, "could not be used"),
    "icc_profile_big.jpg": ("JPEG", (250, 425), np.uint8, "is a table"),
    "lab.tif": ("TIFF", (10, 10), np.uint16, "CIELAB"),
    "pil_sample_cmyk.jpg": ("JPEG", (100, 100), np.uint8, "CMYK without a colour profile"),
    "tiff_16bit_RGB.tiff": ("TIFF", (40, 100), np.uint16, "no colour profile"),
    "tiff_strip_cmyk_16l_jpeg.tif": ("TIFF", (100, 100), np.uint8, "CMYK"),
    "truncated_end_chunk.png": "cut short",
    "truncated_image.png": "cut short",
    "truncated_jpeg.jpg": "cut short",
    "xmp_test.jpg": ("JPEG", (1072, 2000), np.uint8, "Adobe RGB (1998)"),
    **{f"Landscape_{k}.jpg": ("JPEG", (1200, 1800), np.uint8, "no colour profile") for k in range(1, 9)},
}


@pytest.mark.parametrize("name", DECODER)
def test_shared_decoder_photos(test_photos: Path, name: str) -> None:
    expected = DECODER[name]
    if isinstance(expected, str):
        with pytest.raises(PhotoError, match=expected):
            read_photo(test_photos / "decoder" / name)
        return
    photo = read_photo(test_photos / "decoder" / name)
    kind, shape, dtype, note = expected
    assert (photo.format, photo.shape, photo.pixels.dtype) == (kind, shape, dtype)
    assert note in steps_of(photo)


def test_every_shared_decoder_photo_is_expected(test_photos: Path) -> None:
    assert {p.name for p in (test_photos / "decoder").iterdir() if "LICENSE" not in p.name} == set(DECODER)


def test_shared_orientations_show_one_picture(test_photos: Path) -> None:
    first = read_photo(test_photos / "decoder" / "Landscape_1.jpg").pixels.astype(int)
    for k in range(2, 9):
        other = read_photo(test_photos / "decoder" / f"Landscape_{k}.jpg").pixels
        apart = np.abs(first - other).mean()  # each was compressed on its own, at quality 73
        for turned in (other[::-1], other[:, ::-1], other[::-1, ::-1]):
            assert apart < 0.1 * np.abs(first - turned).mean()


def test_shared_16_bit_tiff_is_exact(test_photos: Path) -> None:
    path = test_photos / "decoder" / "tiff_16bit_RGB.tiff"
    np.testing.assert_array_equal(read_photo(path).pixels, read_by_opencv(path))


def test_shared_phone_heic_is_upright_dated_and_without_place(test_photos: Path) -> None:
    photo = read_photo(test_photos / "decoder" / "IMG_5195.HEIC")
    assert photo.camera == "Apple iPhone 11 Pro Max"
    assert photo.taken_at == "2021-04-11T15:47:53"
    assert photo.chroma_subsampled
    assert all(word not in repr(photo).lower() for word in ("gps", "latitude", "longitude"))
    expected = linear_by_colour_science(photo.pixels[:50, :50], "Display P3", 255)
    np.testing.assert_allclose(photo.linear_rgb(slice(50), slice(50)), expected, atol=2e-3)


def test_shared_adobe_rgb_photo_agrees_with_little_cms(test_photos: Path) -> None:
    path = test_photos / "decoder" / "xmp_test.jpg"
    image = Image.open(path)
    source = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
    converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"))
    assert converted is not None
    theirs = np.asarray(converted)[::7, ::7] / 255.0
    linear = np.clip(read_photo(path).linear_rgb()[::7, ::7], 0, 1)
    ours = colour.RGB_COLOURSPACES["sRGB"].cctf_encoding(linear)
    assert np.abs(ours - theirs).max() < 1.5 / 255  # theirs is rounded to 8 bits, through tables
