"""Random bytes for the wire, and random calls of commands, from a seed that is printed."""
