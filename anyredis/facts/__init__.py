"""Facts of commands: flags, key positions and routing policies, found by one lookup by name."""
