"""Routes beside the pages: songs of battles, shared results, health, embedding, and blocked paths."""
