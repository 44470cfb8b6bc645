"""What type checkers accept and what they refuse."""
