"""What every request passes before Gradio: its id and log line, its language, the limit of the queue."""
