"""What a course of microneedling is: plain tables, each line with its source, and small functions on them.

`SHIPPED` is what skinscan ships; `load(override)` lays a clinic's own rows over it. Nothing here is ever shown as what
an image measure is expected to do.
"""

from skinscan.treatment.tables import Treatment, TreatmentError, load

SHIPPED: Treatment = load()

__all__ = ["SHIPPED", "Treatment", "TreatmentError", "load"]
