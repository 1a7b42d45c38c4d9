"""The arena: pairs songs for votes, rates songs by the votes and measures how well judges predicted the votes."""
