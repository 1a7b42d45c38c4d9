"""The arena: which pairs are heard, what people voted, how songs are rated, and how well judges foresaw it."""
