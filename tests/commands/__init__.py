"""Tests of the command groups: tables first, then live."""
