"""Hash slots: each key belongs to one of 16384 (CRC16 of its hash tag, XMODEM variant).

Source: the cluster specification, «Hash tags» and appendix A.
"""

from __future__ import annotations

from binascii import crc_hqx

SLOTS = 16384


def hash_tag(key: bytes) -> bytes:
    """The part of *key* that is hashed: between the first `{` and the next `}` if not empty."""
    start = key.find(b"{")
    if start >= 0:
        end = key.find(b"}", start + 1)
        if end > start + 1:
            return key[start + 1 : end]
    return key


def slot_of(key: bytes) -> int:
    """The hash slot of *key*, 0 to 16383."""
    return crc_hqx(hash_tag(key) if b"{" in key else key, 0) % SLOTS
