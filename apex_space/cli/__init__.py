"""The command line: `apex-space`, or `python -m apex_space`. Each group of commands has its own file."""

import typer

from .arena import arena
from .bench import bench
from .common import Commands
from .evaluate import evaluate
from .extract import extract
from .preference import fit_preference, publish_preference
from .publish import publish
from .rank import rank
from .robustness import robustness
from .score import judges, score
from .serve import serve
from .targets import targets
from .train import train
from .verify import verify
from .votes import votes
from .what_if import what_if

app = typer.Typer(
    cls=Commands,
    help="Predict what people think of your song.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (
    *(serve, score, what_if, rank, judges, fit_preference, publish_preference),
    *(evaluate, robustness, extract, targets, publish, verify, bench),
):
    app.command()(command)
app.add_typer(arena, name="arena")
app.add_typer(votes, name="votes")
app.add_typer(train, name="train")
