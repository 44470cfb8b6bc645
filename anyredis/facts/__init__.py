"""What is true of commands: one lookup by name gives one value."""
