"""The contract, clause by clause, and the harness that cancels at every step."""
