"""Middleware that every request passes before Gradio: id and log line, language, limit of the queue."""
