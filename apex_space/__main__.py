from .cli import app

app(prog_name="python -m apex_space")
