"""A song in, a `Report` out: `load_judge` makes a judge ready, the manager keeps those of a running server."""
