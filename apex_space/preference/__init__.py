"""Two reports in, the probability that people prefer the first song out."""
