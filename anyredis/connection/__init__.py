"""One connection to one server, over TCP, TLS or a Unix socket."""
