"""Writes a run of the benchmark as JSON, as the tables of BENCHMARKS.md and as its picture."""

import json
from collections.abc import Iterator
from dataclasses import asdict

from ..audio.segments import SEGMENT_SECONDS
from .measure import Bench, Contest


def as_json(bench: Bench) -> str:
    """Return every run and the figures derived from the runs, as JSON."""
    derived = {
        f"{contest.network}: {t.what}": {"ratio": contest.ratio(t), "of_floor": contest.of_floor(t, bench.rates)}
        for contest in bench.contests
        for t in contest.timings
    }
    return json.dumps(asdict(bench) | {"derived": derived}, indent=1)


def as_markdown(bench: Bench) -> str:
    """Return the tables of BENCHMARKS.md."""
    return "\n".join(_lines(bench)) + "\n"


def _lines(bench: Bench) -> Iterator[str]:
    yield from (f"- {name}: {value}" for name, value in bench.machine.items())
    yield from (f"- matrix products in {name}: {rate:.2f} TFLOP/s" for name, rate in bench.rates.items())
    for contest in bench.contests:
        yield from ("", *_contest(contest, bench.rates))
    yield from ("", "| stage, 3-minute mp3 | median s | least–most |", "|---|---|---|")
    yield from (f"| {t.what} | {t.median:.3f} | {t.span} |" for t in bench.stages)
    yield from ("", "| song, s | encoded by MERT-v1-95M in, s | s for each 30 s |", "|---|---|---|")
    yield from (f"| {length} | {s:.1f} | {s * 30 / length:.2f} |" for length, s in bench.lengths.items())
    yield ""
    yield from (f"Peak memory of APEX for ten minutes in {name}: {gb:.2f} GB" for name, gb in bench.peaks.items())
    yield from ("", "| judge | precision | 3-minute mp3, s | peak memory, GB |", "|---|---|---|---|")
    yield from (f"| {c.judge} | {c.precision} | {c.seconds:.1f} | {c.gigabytes:.2f} |" for c in bench.costs)


def _contest(contest: Contest, rates: dict[str, float]) -> Iterator[str]:
    yield f"| {contest.network}, {SEGMENT_SECONDS:g} s: {contest.flop / 1e12:.2f} TFLOP | median s | least–most |" + (
        " times as fast | times its floor |"
    )
    yield "|---|---|---|---|---|"
    for t in contest.timings:
        yield f"| {t.what} | {t.median:.2f} | {t.span} | {contest.ratio(t):.2f} | {contest.of_floor(t, rates):.2f} |"
    if contest.moved is not None:
        yield from ("", f"In bfloat16 the mean over time is {contest.moved:.2%} of its size from that in float32.")


def as_svg(bench: Bench) -> str:
    """Draw bars of the seconds for 30 s of music. A mark on each bar shows the time of its matrix products alone."""
    rows = [(contest, timing) for contest in bench.contests for timing in contest.timings]
    scale = 380 / max(timing.median for _, timing in rows)
    drawn = []
    for row, (contest, timing) in enumerate(rows):
        y, width = 30 + 44 * row, timing.median * scale
        floor = width / contest.of_floor(timing, bench.rates)
        drawn.append(
            f'<text x="8" y="{y + 17}">{contest.network}: {timing.what}</text>'
            f'<rect x="290" y="{y}" width="{width:.0f}" height="24" rx="3" fill="#0f766e"/>'
            f'<path d="M{290 + floor:.0f} {y - 4}v32" stroke="#d55e00" stroke-width="3"/>'
            f'<text x="{300 + max(width, floor):.0f}" y="{y + 17}">'
            f"{timing.median:.2f} s, {contest.ratio(timing):.1f}x</text>"
        )
    height = 40 + 44 * len(rows)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 {height}" font-family="system-ui, sans-serif" '
        f'font-size="14" fill="#808080"><title>Seconds for {SEGMENT_SECONDS:g} s of music; the mark is the floor of '
        f"the matrix products</title>{''.join(drawn)}</svg>\n"
    )
