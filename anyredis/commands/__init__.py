"""Commands, one file for each group: each method is the definition of one command."""
