"""What is true of commands: flags, key positions, routing policies."""
