"""The commands of modules, as tables and on a real server."""
