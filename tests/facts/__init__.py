"""Tests of what is known of commands."""
