"""Commands, one file a group: each method is the definition of one command."""
