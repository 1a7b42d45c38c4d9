"""Writes the pocket judge's model card: fixed prose about measured figures."""

from collections.abc import Iterable, Mapping
from typing import Any

from ...audio.damage import HARMLESS, KINDS, SEVERITIES
from ...core.intervals import ConfidenceInterval
from .augmented import KINDS_A_SONG

NOTE = "A quick preview trained on small real data. It is not APEX, and nobody should be judged by it."
ABOUT: dict[str, Any] = {
    "note": NOTE,
    "licence": "CC BY-NC-SA 4.0 (non-commercial), after the data",
    "sources": [
        {
            "name": "Emotify",
            "by": "A. Aljanaki, F. Wiering, R. C. Veltkamp: Studying emotion induced by music through a crowdsourcing "
            "game (2015); songs from Magnatune",
            "licence": "CC BY-NC-SA",
            "what": "400 songs of 30 s in four genres; 8,407 listeners' votes, liked or disliked",
        },
        {
            "name": "davda54",
            "by": "David Samuel: survey of Artificial Composition of Multi-Instrumental Polyphonic Music",
            "licence": "GPL-3.0 (repository)",
            "what": "104 pieces of about 30 s by people and computers; 2,930 ratings, 0 to 5, by 293 listeners",
        },
    ],
}


def write(figures: Mapping[str, Any]) -> str:
    """Return the card as Markdown."""
    sections = (_head, _opinions, _damage, _unseen, _transfer, _invariance, _intact, _limits)
    return "\n\n".join(section(figures) for section in sections) + "\n"


def table(head: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """Return a Markdown table."""
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def _head(figures: Mapping[str, Any]) -> str:
    sources = "\n".join(f"- **{s['name']}** ({s['licence']}): {s['what']}. {s['by']}." for s in ABOUT["sources"])
    kinds = table(
        ("axis", "kind", "what it does, from mildest to worst"),
        [(kind.axis, f"`{kind.name}`", kind.what) for kind in KINDS],
    )
    harmless = "\n".join(f"- `{name}`: {function.__doc__}" for name, function in HARMLESS.items())
    return f"""# The pocket judge

{NOTE}
This card is written by `apex-space train pocket` from what it measured; `pocket_metrics.json` holds
all figures.

## What it is for

A first impression within a second, on any computer, without a download; a stand-in while the real model loads. It
predicts *likes* (0 to 100), *musicality*, *coherence*, *clarity* and *naturalness* (1 to 5). It leaves *streams* and
*memorability* empty: no data here speaks of them. It is not for ranking artists, for deciding what gets published or
paid, or for telling whether a person or a machine made a piece.

## What it learned from

{sources}

No audio is in the package. **Licence of the weights: {ABOUT["licence"]}.** {figures["twins"]} of the
{figures["songs"]} songs turned out to be second copies of another; both always share a fold.

- *likes*: share of listeners who liked a song less the share who disliked it, as the percentile among Emotify's songs.
- *musicality*: davda54's mean rating, 0 to 5, mapped to 1 to 5.
- *coherence*, *clarity*, *naturalness*: nobody rated these. They are learned from damage: each song meets
  {KINDS_A_SONG} kinds of damage for each axis, in turn, at severities {", ".join(map(str, SEVERITIES))}. A score says
  how little a song sounds like one so damaged, 4.0 being the mean of intact songs and 1.5 of the worst copies.

{kinds}

Beside these, every song is heard in harmless variants that should not change its scores:

{harmless}

## How it works

A song is cut into segments of 30 s at 24 kHz; each is divided by its root mean square, so level cannot matter, and
described by statistics of timbre, modulation, rhythm, harmony, form, seams, phase, noise floor and waveform
(`encoders/pocket.py`; {figures["features"]} numbers). Each number is turned into its distance above and below the mean
of intact songs, on a logarithmic scale; each axis is a ridge regression on those (`heads/pocket.py`). A song's score is
the mean of its segments', weighted by length; a rest under 10 s counts only where there is nothing else. Gaussian
kernels, trees, learning both sets jointly, and listeners' ratings less their habit were tried: none gained more than
these data can tell, so the simplest stayed. {figures["copies"]} copies were heard.

All figures below are on songs that the model was not trained on (ten folds for likes and musicality, the mean of
{figures["partitions"]} partitions; five folds for the others). In parentheses: 95% intervals from resampling songs."""


def _opinions(figures: Mapping[str, Any]) -> str:
    opinions = figures["opinions"]
    own = opinions["musicality"]["davda54"]["pairs by own mean rating"]
    rows = [
        (f"{axis}, {name}", FIGURES[figure], opinions[axis][name][figure], str(before))
        for axis, name, figure, before in BASELINE
    ]
    across = [
        (f"{axis}, tested on {name}", "Spearman", figure["spearman"], figure["spearman within groups"])
        for axis, name in (("likes", "davda54"), ("musicality", "Emotify"))
        for figure in [opinions[axis][name]]
    ]
    spread = figures["spread"]
    return f"""## Likes and musicality

{table(("axis", "figure", "here", "plain ridge on 290 features"), rows)}

Of the same pairs, the songs' own mean ratings would rank {own} alike.
The labels are noisy: two halves of Emotify's listeners agree at about 0.38 over all songs and 0.22 within a genre.
Trained on one set and tested on the other, whose listeners were asked another question:

{table(("model", "", "all", "within groups"), [(a, b, c, d) for a, b, c, d in across])}

Four of five held-out songs had their truth within ±{spread["likes"]:.0f} of *likes* and
±{spread["musicality"]:.2f} of *musicality*. The other axes have no human truth to be held against, and state none."""


FIGURES = {
    "spearman": "Spearman with listeners' opinion",
    "spearman within groups": "the same within its four groups or genres",
    "pairs": "untied pairs of one listener, ranked alike",
}
BASELINE = (
    ("musicality", "davda54", "spearman", 0.70),
    ("musicality", "davda54", "spearman within groups", 0.39),
    ("musicality", "davda54", "pairs", 0.652),
    ("likes", "Emotify", "spearman", 0.505),
    ("likes", "Emotify", "spearman within groups", 0.175),
)
"""Figures of a plain ridge on 290 features, ten-fold, for comparison: axis, set of songs, figure and its value."""


def _damage(figures: Mapping[str, Any]) -> str:
    parts = [
        "## Coherence, clarity, naturalness: damage it was trained on, songs it was not\n\n"
        "*AUC*: chance that a copy damaged at 0.8 or 1.0 scores below **another** song's intact recording. *Order*: "
        "share of steps, from intact to 1.0, that go down. *Half noticed*: severity at which half of the copies fall "
        "further than 95% of the harmless variants move."
    ]
    rows = [
        (axis, figure["auc"], figure["order"], _severity(figure["half noticed at"]))
        for axis, whole in figures["damage"].items()
        for figure in [whole["all kinds"]]
    ]
    parts.append(table(("axis", "AUC between songs", "order", "half noticed at"), rows))
    parts.append("Share of copies (%) that score below their own song, by severity:")
    parts += [_by_kind(whole, "seen") for whole in figures["damage"].values()]
    return "\n\n".join(parts)


def _unseen(figures: Mapping[str, Any]) -> str:
    parts = [
        "## Kinds of damage it was never trained on\n\n"
        "The same, each kind scored by models trained on all the other kinds and other songs. This, not the tables "
        "above, says what to expect of the unknown flaws of a song from outside."
    ]
    rows = [
        (axis, f"{whole['never trained on']['mean auc']:.3f}", *(e.percent for e in whole["never trained on"]["lower"]))
        for axis, whole in figures["damage"].items()
    ]
    parts.append(table(("axis, all kinds", "mean AUC", *map(str, SEVERITIES)), rows))
    parts += [_by_kind(whole, "unseen") for whole in figures["damage"].values()]
    return "\n\n".join(parts)


def _by_kind(whole: Mapping[str, Any], which: str) -> str:
    rows = [
        (f"`{kind}`", *(e.percent for e in figure["lower"]), _short(figure["auc"]), _short(figure["order"]), half)
        for kind, both in whole["kinds"].items()
        for figure in [both[which]]
        for half in [_severity(figure["half noticed at"])]
    ]
    return table(("kind", *map(str, SEVERITIES), "AUC", "order", "half noticed at"), rows)


def _short(figure: ConfidenceInterval) -> str:
    return f"{figure.value:.2f} ({figure.low:.2f}–{figure.high:.2f})"


def _severity(value: float | None) -> str:
    return "never" if value is None else f"{value:.2f}"


def _transfer(figures: Mapping[str, Any]) -> str:
    rows = [
        (way, axis, figure["auc"], *(e.percent for e in figure["lower"]))
        for way, axes in figures["transfer"].items()
        for axis, figure in axes.items()
    ]
    return "## Damage learned on one set, told on the other\n\n" + table(
        ("from, to", "axis", "AUC between songs", *map(str, SEVERITIES)), rows
    )


def _invariance(figures: Mapping[str, Any]) -> str:
    axes = list(figures["invariance"])
    rows = [
        (f"`{name}`", *(_moved(figures["invariance"][axis][name]) for axis in axes))
        for name in next(iter(figures["invariance"].values()))
    ]
    return f"""## What must not matter

Mean change of the score, the greatest, and the mean as a share of the deviation among songs:

{table(("change", *axes), rows)}"""


def _moved(figure: Mapping[str, float]) -> str:
    return f"{figure['mean']:.3f}, {figure['max']:.2f}, {100 * figure['of sd']:.0f}%"


def _intact(figures: Mapping[str, Any]) -> str:
    axes = list(figures["intact"])
    rows = [
        (group, *(_range(figures["intact"][axis][group]) for axis in axes))
        for group in next(iter(figures["intact"].values()))
    ]
    between = [
        (axis, *(f"{value:.2f}" for value in row)) for axis, row in zip(axes, figures["between axes"], strict=True)
    ]
    return f"""## Intact songs

Mean ± deviation (least to greatest) of the intact songs' scores:

{table(("group", *axes), rows)}

Correlation between the axes over intact songs:

{table(("", *axes), between)}"""


def _range(figure: Mapping[str, float]) -> str:
    return f"{figure['mean']:.1f} ± {figure['sd']:.1f} ({figure['min']:.1f} to {figure['max']:.1f})"


def _limits(figures: Mapping[str, Any]) -> str:
    lines = []
    for axis, whole in figures["damage"].items():
        for which, words in (("seen", "even trained on"), ("unseen", "never trained on")):
            weak = [k for k, both in whole["kinds"].items() if both[which]["auc"].value < AIMS[axis]]
            if weak:
                short = f"below the aim of {AIMS[axis]} between songs: {', '.join(weak)}"
                lines.append(f"- *{axis}*: {words}, these kinds stay {short}.")
        if whole["all kinds"]["auc"].low < AIMS[axis]:
            lines.append(f"- *{axis}*: the interval of the AUC between songs reaches below the aim of {AIMS[axis]}.")
    for axis, name, figure, before in BASELINE:
        here = figures["opinions"][axis][name][figure]
        if here.value <= before:
            lines.append(f"- *{axis}*, {name}, {FIGURES[figure]}: {here}, no better than a plain ridge's {before}.")
    within = figures["opinions"]["likes"]["Emotify"]["spearman within groups"]
    return f"""## Where it falls short

{chr(10).join(lines)}
- Within a genre, *likes* hardly ranks songs ({within}). Much of what it knows is that these listeners liked classical
  music better.
- *Coherence* hears seams and broken rhythm, not whether an arrangement makes sense; in training, every incoherent copy
  had seams. *Clarity* and *naturalness* hear the damage listed above and what resembles it; music made of noise,
  distortion, silence or vocoders on purpose scores low.
- Each axis' one penalty was chosen, among about five values, by held-out figures on these same songs, so they flatter
  a little.
- {figures["songs"]} excerpts of 30 s: Western classical, rock, pop and electronic music of before 2010, and rendered
  MIDI. No AI songs with voices, no rap, no music from most of the world.
- {NOTE}"""


AIMS = {"coherence": 0.8, "clarity": 0.9, "naturalness": 0.9}
