"""What users of `client.ft` construct: vectors as bytes.

Law: this is the public place of these names; the modules that define them may change.
"""

from __future__ import annotations

from anyredis.commands.vectors import Vector, VectorType, vector_bytes

__all__ = ["Vector", "VectorType", "vector_bytes"]
