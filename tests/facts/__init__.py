"""Tests of the facts of commands."""
