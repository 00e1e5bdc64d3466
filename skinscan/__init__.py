"""skinscan: two photos of skin in, an honest comparison out.

import skinscan
skinscan.assess("photo.jpg", mm_per_px=0.03).to_frame()
skinscan.compare("before.jpg", "after.jpg", mm_per_px=0.03).to_frame()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skinscan.arrays.fused import warm_up as warm_up
    from skinscan.assessment import assess as assess
    from skinscan.comparison import compare as compare
    from skinscan.course.build import follow as follow
    from skinscan.course_records import Course as Course
    from skinscan.records import Assessment as Assessment
    from skinscan.records import Comparison as Comparison
    from skinscan.records import SkinscanError as SkinscanError

__version__ = "0.1.0"

__all__ = ["Assessment", "Comparison", "Course", "SkinscanError", "assess", "compare", "follow", "warm_up"]

_HOMES = {
    "assess": "skinscan.assessment",
    "compare": "skinscan.comparison",
    "follow": "skinscan.course.build",
    "Assessment": "skinscan.records",
    "Comparison": "skinscan.records",
    "Course": "skinscan.course_records",
    "SkinscanError": "skinscan.records",
    "warm_up": "skinscan.arrays.fused",
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first asked for: `skinscan --help` must not wait for OpenCV."""
    import importlib

    if name not in _HOMES:
        raise AttributeError(f"module 'skinscan' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
