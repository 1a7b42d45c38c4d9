"""The pages: components and events."""
