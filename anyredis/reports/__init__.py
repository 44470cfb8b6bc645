"""The reports of servers, as values: each file reads one kind of them."""
