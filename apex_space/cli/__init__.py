"""The command line: `python -m apex_space`. One file for each group of commands."""

import typer

from .bench import bench
from .score import judges, score

app = typer.Typer(
    help="What a model of music taste makes of your song.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (score, judges, bench):
    app.command()(command)
