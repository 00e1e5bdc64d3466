"""Numbers for people: as many digits as the uncertainty carries, no more."""

from __future__ import annotations

import math

MISSING = "–"
_UNITS = {"1": "", "um": "µm", "1/cm2": "/cm²", "mm/cm2": "mm/cm²", "degree": "°", "% of region": "%"}
_MOST_DECIMALS = 6


def decimals(uncertainty: float, value: float = math.nan) -> int:
    """Decimal places that show `uncertainty` with one significant digit, or two where it starts with 1 or 2.

    Without a finite, positive uncertainty: the places that show `value` with three significant digits.
    """
    if math.isfinite(uncertainty) and uncertainty > 0:
        exponent = math.floor(math.log10(uncertainty))
        digits = 2 if uncertainty / 10.0**exponent < 2.95 else 1
    elif math.isfinite(value) and value != 0:
        exponent, digits = math.floor(math.log10(abs(value))), 3
    else:
        return 1
    return min(max(digits - 1 - exponent, 0), _MOST_DECIMALS)


def number(value: float, places: int, *, signed: bool = False) -> str:
    """`value` with `places` decimals and a real minus sign; a dash where it is not finite."""
    if not math.isfinite(value):
        return MISSING
    text = f"{value:{'+' if signed else ''}.{places}f}"
    if float(text) == 0:
        text = text.lstrip("+-")
    return text.replace("-", "−")


def change_places(change: float, sdc: float, before: float = math.nan) -> int:
    """Places at which |change| and the smallest detectable change still look different if they are."""
    places = decimals(sdc, before if math.isfinite(before) else change)
    if math.isfinite(change) and math.isfinite(sdc) and abs(change) != sdc:
        while places < _MOST_DECIMALS and f"{abs(change):.{places}f}" == f"{sdc:.{places}f}":
            places += 1
    return places


def unit_text(unit: str) -> str:
    """The unit as printed: `um` is µm, `1` is nothing."""
    return _UNITS.get(unit, unit)


def with_unit(text: str, unit: str) -> str:
    """A printed number and its unit, with a no-break space where one belongs."""
    shown = unit_text(unit)
    if not shown or text == MISSING:
        return text
    return text + shown if shown in ("°",) or shown.startswith("/") else f"{text}\N{NO-BREAK SPACE}{shown}"
