"""Training of the judges made here. Never imported by the page."""
