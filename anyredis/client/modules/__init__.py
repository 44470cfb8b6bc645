"""The namespaces of modules on clients, with methods that run several commands."""
