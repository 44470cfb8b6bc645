"""The wire, as values: arguments to bytes, bytes to replies, what is in flight. No I/O."""
