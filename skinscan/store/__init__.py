"""The clinic's record and its vault: the only place that knows SQL.

    Places -> make_store / open_store -> Store -> recording, reading, consents, erasing, exporting, backup

The record holds what is known of patients under pseudonyms, the vault the original photos, each sealed under its
patient's key, the key store those keys, wrapped by the master key. What goes wrong is a StoreError whose words hold ids
only. See docs/record.md.
"""

from skinscan.store.opening import Store, make_store, open_store
from skinscan.store.places import Places

__all__ = ["Places", "Store", "make_store", "open_store"]
