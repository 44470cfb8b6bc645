"""The wire, as values: arguments to bytes, bytes to replies, requests in flight.  No I/O."""
