"""The client for one server, and the parts shared by clients of all kinds."""
