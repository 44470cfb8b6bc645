"""The pytest plugin of anyredis: apart from the package, because that is loaded when used."""
