"""Faults of real servers, under load."""
