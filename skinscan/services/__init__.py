"""The use cases on the clinic's record, each authorised here and audited in the store.

    Actor (who asks) + Clinic (the record and the house's tables) -> a use case -> plain values, or a SkinscanError

Whoever may not know that something exists gets the same NotFound as for what does not exist.
"""

from skinscan.services.actor import Actor
from skinscan.services.clinic import Clinic

__all__ = ["Actor", "Clinic"]
