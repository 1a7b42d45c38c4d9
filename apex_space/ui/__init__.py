"""The pages and the server; the only code that imports Gradio."""
