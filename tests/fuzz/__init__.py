"""Random bytes for the wire, from a seed that is printed."""
