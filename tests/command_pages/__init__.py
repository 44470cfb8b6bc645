"""The pages of `docs/commands/`, made from the code: `python -m tests.command_pages.make`."""
