"""Many songs in, their order, how sure it is, and which of them to keep out."""
