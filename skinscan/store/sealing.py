"""Sealing bytes: AES-256-GCM under keys of 32 bytes, and keys derived for one purpose each (HKDF-SHA256)."""

from __future__ import annotations

import hashlib
import hmac
import os

KEY_BYTES = 32
_NONCE_BYTES, _TAG_BYTES = 12, 16
_MAGIC = b"skn1"

OVERHEAD_BYTES = len(_MAGIC) + _NONCE_BYTES + _TAG_BYTES
"""By how much sealed bytes are longer."""


class Broken(Exception):
    """Sealed bytes were altered or cut short, or the key or what they are bound to is another."""


def new_key() -> bytes:
    return os.urandom(KEY_BYTES)


def derived(key: bytes, purpose: str) -> bytes:
    """A key of `key` for one purpose alone."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), KEY_BYTES, None, f"skinscan {purpose}".encode()).derive(key)


def keyed_digest(key: bytes, data: bytes) -> str:
    """HMAC-SHA256 in hex: unlike a plain hash, it confirms nothing to who has not the key."""
    return hmac.new(key, data, hashlib.sha256).hexdigest()


def seal(key: bytes, data: bytes, bound_to: str) -> bytes:
    """`data` encrypted and authenticated together with what it is bound to, under a fresh random nonce."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(_NONCE_BYTES)
    return _MAGIC + nonce + AESGCM(key).encrypt(nonce, data, bound_to.encode())


def unseal(key: bytes, sealed: bytes, bound_to: str) -> bytes:
    """What `seal` was given. Raises Broken."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    start = len(_MAGIC) + _NONCE_BYTES
    if len(sealed) < OVERHEAD_BYTES or not sealed.startswith(_MAGIC):
        raise Broken
    try:
        return AESGCM(key).decrypt(sealed[len(_MAGIC) : start], sealed[start:], bound_to.encode())
    except InvalidTag:
        raise Broken from None
