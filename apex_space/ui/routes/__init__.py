"""What is served beside the pages: songs of battles, shared results, health, embedding."""
