"""Our own JSON API over HTTP: what the pages show, as data."""
