"""Photographs as DICOM VL Photographic Images: upright, in sRGB, without what the camera wrote into the file.

The picture is compressed anew (JPEG, quality 95), and says so; the original goes with the export byte for byte.
"""

from __future__ import annotations

import io
import uuid
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from skinscan.store.fhir import uid_of
from skinscan.store.tables import Patient, Photo, Visit

if TYPE_CHECKING:
    from skinscan.records import Photo as Decoded

QUALITY = 95
_STRIP_ROWS = 512

_SITES = {"face": ("89545001", "Face"), "neck": ("45048000", "Neck"), "scalp": ("41695006", "Scalp")}
"""SNOMED CT codes of sites, where DICOM's list of anatomic regions has one; elsewhere skin of no stated part."""

_SKIN = ("39937001", "Skin")


def photographic_image(patient: Patient, visit: Visit, photo: Photo, decoded: Decoded) -> bytes:
    """A DICOM file of a photo. Study: the visit; series: its photos. Laterality from the view's name, if it tells."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.encaps import encapsulate
    from pydicom.sequence import Sequence
    from pydicom.uid import UID, JPEGBaseline8Bit, VLPhotographicImageStorage

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = VLPhotographicImageStorage
    meta.MediaStorageSOPInstanceUID = UID(uid_of(photo.id))
    meta.TransferSyntaxUID = JPEGBaseline8Bit
    meta.ImplementationClassUID = UID(_IMPLEMENTATION)
    image = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    at = visit.at.astimezone(ZoneInfo(visit.zone))
    _tell_who_and_when(image, patient, visit, photo, at)
    jpeg = _jpeg(decoded)
    height, width = decoded.shape
    image.ImageType = ["DERIVED", "PRIMARY"]
    image.DerivationDescription = "upright, in sRGB; compressed anew from the original, which is kept"
    image.LossyImageCompression = "01"
    image.LossyImageCompressionRatio = f"{3 * height * width / len(jpeg):.1f}"
    image.LossyImageCompressionMethod = "ISO_10918_1"
    image.BurnedInAnnotation = "NO"
    image.ImageLaterality = {"left": "L", "right": "R"}.get(photo.view, "U")
    image.AnatomicRegionSequence = Sequence([_code(*_SITES.get(photo.site, _SKIN))])
    image.AcquisitionContextSequence = Sequence([])
    image.SamplesPerPixel, image.PlanarConfiguration = 3, 0
    image.PhotometricInterpretation = "YBR_FULL_422"
    image.Rows, image.Columns = height, width
    image.BitsAllocated = image.BitsStored = 8
    image.HighBit, image.PixelRepresentation = 7, 0
    image.ICCProfile, image.ColorSpace = _srgb_profile(), "SRGB"
    image.PixelData = encapsulate([jpeg])
    image["PixelData"].is_undefined_length = True
    out = io.BytesIO()
    image.save_as(out, enforce_file_format=True)
    return out.getvalue()


_IMPLEMENTATION = f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, 'skinscan').int}"


def _tell_who_and_when(image: Any, patient: Patient, visit: Visit, photo: Photo, at: datetime) -> None:
    """Patient by code alone, study, series, equipment and instance; what is not known is there and empty."""
    image.SpecificCharacterSet = "ISO_IR 192"
    image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID
    image.SOPInstanceUID = uid_of(photo.id)
    image.PatientName, image.PatientID = patient.code, patient.code
    image.PatientBirthDate = image.PatientSex = ""
    image.PatientIdentityRemoved = "YES"
    image.DeidentificationMethod = "code in place of the name"
    image.StudyInstanceUID = uid_of(visit.id)
    image.SeriesInstanceUID = f"2.25.{uuid.uuid5(uuid.UUID(visit.id), 'series').int}"
    image.StudyID = image.AccessionNumber = image.ReferringPhysicianName = ""
    image.StudyDate = image.ContentDate = f"{at:%Y%m%d}"
    image.StudyTime = image.ContentTime = f"{at:%H%M%S}"
    image.AcquisitionDateTime = f"{at:%Y%m%d%H%M%S%z}"
    image.TimezoneOffsetFromUTC = f"{at:%z}"
    image.Modality, image.SeriesNumber, image.InstanceNumber = "XC", "1", str(photo.shot)
    image.Manufacturer = "skinscan"
    image.SeriesDescription = " ".join(part for part in (photo.site, photo.view) if part)
    image.PatientOrientation = ""


def _code(value: str, meaning: str) -> Any:
    from pydicom.dataset import Dataset

    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "SCT", meaning
    return code


def _jpeg(decoded: Decoded) -> bytes:
    import simplejpeg

    height = decoded.shape[0]
    strips = [slice(top, min(top + _STRIP_ROWS, height)) for top in range(0, height, _STRIP_ROWS)]
    picture = np.concatenate([_srgb(decoded.linear_rgb(rows)) for rows in strips])
    return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(picture), QUALITY, "RGB", "422"))


def _srgb(linear: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Linear sRGB (h, w, 3) as 8-bit sRGB (IEC 61966-2-1)."""
    light = np.clip(linear, 0.0, 1.0)
    curved = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(255 * curved), np.uint8)


@cache
def _srgb_profile() -> bytes:
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
