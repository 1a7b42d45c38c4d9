"""The commands `fit-preference` and `publish-preference`."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from ..core.errors import PreferenceError
from ..core.text import printable
from ..preference.fitting.music_arena import HUB
from .common import OFTEN, JudgeName, WeightsFolder, exiting, messages, show

if TYPE_CHECKING:
    from ..core.intervals import ConfidenceInterval
    from ..preference.fitting.fit import ByGenerators, LeaveOneOut
    from ..preference.fitting.scoring import ScoredBattle
    from ..preference.head import Foresight, PreferenceHead

VOTES = "votes"


def fit_preference(
    judge: JudgeName = "pocket",
    battles: Annotated[
        str,
        typer.Option(
            metavar="SOURCE",
            help="Table (csv, jsonl, parquet) of two audio files and a winner per row; `votes` for the space's own "
            "votes; or a dataset: its name on the Hub or its folder.",
        ),
    ] = HUB,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File to write the head to; default: the file that the space reads."),
    ] = None,
    weights: WeightsFolder = None,
) -> None:
    """Fit a head on people's choices that predicts which of two songs they prefer, and measure it on held-out songs.

    Scores are saved beside the output, so that an interrupted run continues where it stopped.
    Exit status: 0 written, 1 it could not be learned, 2 the judge is not available, 130 interrupted.
    """
    with exiting(1, "Interrupted. What was scored is kept: the same command goes on from here."):
        _fit(judge, battles, out, weights)


def publish_preference(
    repository: Annotated[str, typer.Argument(metavar="REPOSITORY", help="Repository on the Hub, as OWNER/NAME.")],
    judge: JudgeName = "pocket",
    head: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File of the head; default: the one that `fit-preference` wrote."),
    ] = None,
    licence: Annotated[
        str, typer.Option(metavar="ID", help="Licence of the heads in the card: an identifier of the Hub.")
    ] = "cc-by-nc-4.0",
) -> None:
    """Publish a fitted preference head on the Hub, with a card, so that others can use it by APEX_PREFERENCE_REPO.

    Other files of the repository are not changed. A new repository is private at first. It needs HF_TOKEN.
    Exit status: 0 published, 1 not published, 2 there is no such judge.
    """
    with exiting(1):
        from ..models.cards import CARD, check_licence
        from ..preference.head_files import fitted_path, read_shared
        from ..preference.sharing import publish

        path = fitted_path(judge) if head is None else head
        check_licence(licence, PreferenceError)
        if not path.is_file():
            raise PreferenceError(f"There is no head {path}. Fit one with fit-preference.")
        address, card = publish(repository, read_shared(path, judge), licence)
        messages.print(f"Published: {address}")
        if not card:
            messages.print(f"The {CARD} of {repository} is not from here, and stays as it is.")


def _fit(judge: str, source: str, out: Path | None, weights: Path | None) -> None:
    from dataclasses import asdict

    from ..preference.fitting.fit import learn
    from ..preference.fitting.scoring import as_battles
    from ..preference.head_files import check_target, fitted_path, save

    path = fitted_path(judge) if out is None else out
    if out is not None:
        check_target(out)  # before an hour's work, not after it
    battles, revision = _votes(judge) if source == VOTES else _score_battles(judge, source, path, weights)
    counts = Counter(h.winner for h in battles)
    messages.print(f"{counts['a'] + counts['b']} battles with a winner; fitting and measuring, which takes a minute")
    named = Path(source).name if Path(source).exists() else source  # visitors see it, and a path is not for them
    head, pairs, unheard = learn(judge, revision, f"{named}: battles with a winner", as_battles(battles))
    save(head, path, pairs=list(map(asdict, pairs)), unheard=list(map(asdict, unheard)))
    _report(head, pairs, unheard)
    messages.print(f"Written to {path}")


def _votes(judge: str) -> tuple[list["ScoredBattle"], str]:
    from ..core.settings import settings
    from ..preference.fitting.scoring import from_votes
    from ..storage.vote_store import open_store

    store = open_store(settings())
    try:
        return from_votes(store, judge)
    finally:
        store.close()


def _score_battles(judge: str, source: str, out: Path, weights: Path | None) -> tuple[list["ScoredBattle"], str]:
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from ..judges.loading import load_judge
    from ..preference.fitting.scoring import ScoredBattle, ScoreLog, score_battles
    from ..preference.fitting.sources import read
    from ..preference.head import revision_of

    ready = load_judge(judge, weights)
    notebook = ScoreLog(out.with_suffix(".scored.jsonl"))
    battles: list[ScoredBattle] = []
    columns = SpinnerColumn(), TextColumn("{task.completed} battles scored"), TimeElapsedColumn()
    with Progress(*columns, console=messages, transient=True, disable=not messages.is_terminal) as bar:
        task = bar.add_task("", total=None)
        for result in score_battles(read(source), ready, notebook):
            if not isinstance(result, ScoredBattle):
                messages.print(printable(f"{result.name}: left out. {result.why}"))
                continue
            battles.append(result)
            bar.update(task, completed=len(battles))
            if not messages.is_terminal and len(battles) % OFTEN == 0:
                messages.print(f"{len(battles)} battles scored")
    return battles, revision_of(ready)


def _report(head: "PreferenceHead", pairs: tuple["ByGenerators", ...], unheard: tuple["LeaveOneOut", ...]) -> None:
    figures = head.metrics
    table = Table(title=f"{head.judge}: {head.battles} battles, {head.songs} songs", caption=_caption(head))
    table.add_column("on held-out songs", overflow="fold")
    table.add_column("95% interval", justify="right")
    rows = {
        "accuracy of the scores alone (a coin: 0.5)": figures.accuracy,
        "log-loss of the scores alone (a coin: 0.693)": figures.log_loss,
        **_told("scores and generators", figures.with_generators),
        **_told("generators alone", figures.generators_alone),
        "accuracy of always naming B": figures.always_b,
        "AUC": figures.auc,
        "Brier score (0.25: a constant half)": figures.brier,
        "slope of calibration (1: as bold as it should be)": figures.slope,
        **{f"accuracy of “higher {axis} wins”": rule for axis, rule in figures.rules.items()},
        f"gain in accuracy over “higher {figures.against} wins”": figures.gain,
    }
    for name, figure in rows.items():
        if figure is not None:
            table.add_row(name, str(figure))
    for row in figures.calibration:
        table.add_row(f"won by favourites of {row.low:.2f} to {row.high:.2f} ({row.share:.0%})", str(row.won))
    show(table)
    if head.generators:
        made = Table("generator", "effect on the log-odds", "± deviation", title="How good the generators are")
        for effect in sorted(head.generators, key=lambda effect: -effect.mean):
            made.add_row(printable(effect.generator), f"{effect.mean:+.2f}", f"{effect.deviation:.2f}")
        show(made)
    if pairs:
        by_pair = Table("generators", "battles", "accuracy", title="By pair of generators")
        for pair in pairs:
            by_pair.add_row(printable(" and ".join(pair.generators)), str(pair.battles), str(pair.accuracy))
        show(by_pair)
    if unheard:
        left_out = Table("generator", "battles", "accuracy without it", "with it", title="Leaving one generator out")
        for one in unheard:
            left_out.add_row(printable(one.generator), str(one.battles), str(one.accuracy), str(one.usual))
        show(left_out)


def _told(what: str, figures: "Foresight | None") -> "dict[str, ConfidenceInterval]":
    if figures is None:
        return {}
    return {f"accuracy of {what}": figures.accuracy, f"log-loss of {what}": figures.log_loss}


def _caption(head: "PreferenceHead") -> str:
    parts = [f"{axis} {c:+.3f} ± {v**0.5:.3f}" for axis, c, v in _coefficients(head)]
    return f"log-odds by one deviation: {', '.join(parts)}\nintervals from resampling {head.metrics.resampled}"


def _coefficients(head: "PreferenceHead") -> list[tuple[str, float, float]]:
    variances = [row[i] for i, row in enumerate(head.covariance)]
    return list(zip(head.axes, head.coefficients, variances, strict=True))
