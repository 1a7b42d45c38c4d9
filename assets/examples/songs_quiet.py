"""Quiet and patient songs: ambient, a lullaby, a string quartet, gamelan, minimal music, film music, a ballad."""

from functools import partial

import numpy as np
from songs import Levels, song
from synth import (
    CLARINET,
    Session,
    brass,
    bronze,
    choir,
    chorus,
    drum,
    epiano,
    filtered,
    low,
    mallet,
    piano,
    pluck,
    saws,
    voiced,
    whistle,
)

bow = partial(saws, voices=2, detune=0.05, sustain=0.9, release=0.2, cutoff=1700, sweep=700, vibrato=0.14, width=0.35)
section = partial(saws, voices=6, attack=0.16, sustain=0.9, release=0.35, cutoff=1500, sweep=400, vibrato=0.12)


@song(
    "Harbour Before Light", "Ambient", "D major", 60, "Slow chords, voices and bells over a sea of noise.",
    seed=101, beats=30, room=3.5, step=0.5,
)  # fmt: skip
def ambient(s: Session) -> Levels:
    chords = "Dmaj9:6 Bm9 Gmaj9 Em9 Dmaj9"
    pad = partial(saws, voices=7, detune=0.12, attack=1.8, sustain=1, release=1.5, cutoff=900, sweep=900, fall=3.0)
    deep = partial(saws, voices=1, attack=1.0, release=1.5, cutoff=110, sweep=0, sub=1.0)
    s.riff("pad", 0, voiced(chords, 62), "x", pad, step=2, gate=3)
    s.riff(
        "voices",
        6,
        voiced("Bm9:6 Gmaj9 Em9 Dmaj9", 69),
        "x",
        partial(choir, vowel="u", attack=1.5, release=1.5),
        step=6,
    )
    s.riff("deep", 0, low(chords, 38), "0", deep, step=6)
    s.riff("keys", 12, voiced("Gmaj9:6 Em9", 66), "0.2.1.3.2.3.", partial(epiano, bright=0.2), gate=4, pan=-0.4)
    tune = "-:1 5 9 10:3 -:2 6:1 10 8:2 -:1 6 8 10 9:2 -:1 9 8 6 4:2 5:1 9 8:4"
    s.melody("bells", 0, tune, partial(mallet, bright=0.7, ring=2.2), octave=1, pan=0.3)
    s.melody("flute", 18, "-:2 4:2 2:2 1:4", partial(whistle, breath=0.1), gain=0.8, pan=-0.2)
    t = np.arange(s.length) / s.length
    waves = filtered(s.rng.normal(0, 1, (s.length, 2)), "band", (250, 1800))
    s.add("sea", 0, waves * (0.25 + 0.75 * np.sin(2 * np.pi * 3.5 * t) ** 2)[:, None])
    s.bus["pad"] = chorus(s.bus["pad"], 0.6)
    s.echo("bells", 1.5, 0.5)
    levels = {"pad": (-7, 0.35), "voices": (-10, 0.5), "deep": (-17, 0), "keys": (-11, 0.4)}
    return levels | {"bells": (-6, 0.45), "flute": (-11, 0.5), "sea": (-36, 0.2)}


@song(
    "Moon in the Milk Jug", "Lullaby", "F major", 92, "A music box in three, rocked by a guitar and low strings.",
    seed=103, beats=48, room=1.8, step=0.5, slow=43,
)  # fmt: skip
def lullaby(s: Session) -> Levels:
    first, lift = "F Bb/F F C7 F Dm Gm7 C7", "Bb F/A Gm7 C7"
    box, warm = partial(mallet, bright=1.0, ring=0.9), partial(pluck, bright=0.35, ring=2.5, release=0.3)
    tune = "3:1.5 4:.5 5:1 6:2 4:1 5:1.5 4:.5 3:1 2:3 1:1.5 2:.5 3:1 6:2 3:1 4:1.5 3:.5 2:1 5:2 -:1"
    high = "6:1.5 5:.5 4:1 5:2 3:1 4:1.5 3:.5 2:1 2 4 5"
    for start, chords in ((0, "F C7"), (6, first), (30, lift), (42, "F F")):
        s.riff("guitar", start, voiced(chords, 57, 3), "0.2.1.", warm, gate=5, pan=-0.25)
        s.riff("guitar", start, low(chords, 41, 3), "0.....", warm, gate=1.0, pan=-0.2)
    s.riff("strings", 18, voiced("F Dm Gm7 C7 " + lift + " F F", 65, 3), "x", section, step=3)
    s.riff("cello", 30, low(lift + " F:6", 36, 3), "0....1", partial(bow, attack=0.15, cutoff=600))
    s.melody("box", 3, "5:.5 4 3 2 5:1", box, octave=1, gain=0.6)
    s.melody("box", 6, tune, box, octave=1, pan=0.15)
    s.melody("box", 30, high, box, octave=1, gain=1.1, pan=0.15)
    s.melody("box", 42, "3:1.5 2:.5 1:1 8:3", box, octave=1, gain=0.9, pan=0.15)
    s.melody("under", 30, "8:3 8 6:2 9:1 7:3 8:3", partial(whistle, breath=0.08), pan=-0.3)
    s.echo("box", 1, 0.2)
    levels = {"guitar": (-7, 0.2), "strings": (-14, 0.4), "cello": (-15, 0.3)}
    return levels | {"box": (-6, 0.35), "under": (-14, 0.4)}


@song(
    "Letter Unsent", "String quartet", "A minor", 76, "Four bowed parts, the tune passed up and back down.",
    seed=107, beats=40, room=1.7, step=0.5, slow=36,
)  # fmt: skip
def quartet(s: Session) -> Levels:
    first = "Am:4 Dm/F E7/G# Am"
    second = "F:2 G7 C Am/C Bm7b5/D E7 Am:4"
    last = "Dm/F:2 E7 Am:4"
    violin, viola = partial(bow, attack=0.07), partial(bow, attack=0.09, cutoff=1200)
    cello = partial(bow, attack=0.08, cutoff=800, sweep=500)
    tune = "5:1.5 6:.5 5:1 3 4:1.5 5:.5 6:1 8 #7:1.5 8:.5 9:1 5 8:2 5:1 -"
    high = "6:.5 8 10:1 9:.5 7 11:1 12 10 10:.5 8 5:1 6:.5 8 9:1 #7:.5 5 9:1 8:3 -:1"
    for start, chords, gain in ((0, first, 0.8), (16, second, 1.1), (32, last, 0.8)):
        s.riff("second", start, voiced(chords, 66), ".o.x.o.x" if start < 32 else "x...", violin, gain=gain, pan=-0.3)
        s.riff("viola", start, voiced(chords, 58), "0.1.2.1." if start < 32 else "0.1.", viola, gain=gain, pan=0.25)
        s.riff("cello", start, low(chords, 36), "0...1..." if start < 16 else "0.2.", cello, gain=gain, pan=0.45)
    s.melody("first", 0, tune, violin, gain=0.9, pan=-0.5)
    s.melody("first", 16, high, violin, gain=1.1, pan=-0.5)
    s.melody("first", 32, "8:.5 6 4:1 5:.5 #7, 2:1 1:4", violin, gain=0.8, pan=-0.5)
    return {"first": (-4, 0.3), "second": (-10, 0.3), "viola": (-9, 0.3), "cello": (-8, 0.25)}


@song(
    "Bronze Rain", "Gamelan", "E minor", 88, "Two metal voices interlock above a slow tune and gongs.",
    seed=109, beats=44, room=2.4, slow=38,
)  # fmt: skip
def gamelan(s: Session) -> Levels:
    bar, small = partial(bronze, bright=1.0, ring=1.4), partial(bronze, bright=1.8, ring=0.35, beating=7)
    gong = partial(bronze, bright=0.25, ring=4.0, beating=1.6)
    core, lifted = "1:1 b2 3 5 3 b2 1 6, ", "5:1 6 5 3 b2 3 5 3 "
    one, two = "3:.25 - 3 5 - 3 5 - ", "-:.25 6 - - 6 - - 6 "
    three, four = "5:.25 - 6 5 - 6 - 5 ", "-:.25 8 - - 8 - 8 - "
    s.melody("core", 0, "1:2 3 5 1 ", bar, gain=0.7)
    s.melody("core", 8, 2 * core + lifted + core + "1:4", bar)
    for start, low_part, high_part, count in ((8, one, two, 8), (24, three, four, 4), (32, one, two, 4)):
        s.melody("weave", start, low_part * count, small, octave=1, pan=-0.5)
        s.melody("weave", start, high_part * count, small, octave=1, pan=0.5)
    s.melody("weave", 40, "8:4", small, octave=1)
    s.melody("gongs", 0, "1:8 " * 5 + "1:4", gong, octave=-2)
    s.melody("gongs", 4, "5:8 " * 5, partial(bronze, bright=0.3, ring=1.5, beating=3), octave=-1, gain=0.5, pan=0.3)
    s.drums(8, 16, tumba="x...o.x.....x.o.", conga="..o...o.x.oo..xo")
    s.drums(24, 8, tumba="x.o.x.o.", conga=".ox.oxox", gain=1.1)
    s.drums(32, 8, tumba="x...o.x.....x.o.", conga="..o...o.x.oo..xo")
    s.drums(0, 40, gain=0.5, bell="x...")
    return {"core": (-5, 0.25), "weave": (-4, 0.2), "gongs": (-17, 0.3), "drums": (-11, 0.25)}


@song(
    "Twelve Steps Apart", "Minimal music", "D major", 144, "A marimba figure shifts against itself, step by step.",
    seed=113, beats=72, room=1.4, step=0.5,
)  # fmt: skip
def minimal(s: Session) -> Levels:
    notes = [f"{degree}:.5" for degree in (1, 5, 9, 10, 5, 8, 9, 5, 10, 8, 5, 9)]
    wood, reed = partial(mallet, bright=0.6, ring=0.3), partial(whistle, breath=0.02, harmonics=CLARINET)
    for start, shift in zip(range(0, 66, 6), (0, 0, 1, 1, 2, 3, 3, 4, 5, 5, 0), strict=True):
        s.melody("one", start, " ".join(notes), wood, pan=-0.6)
        s.melody("two", start, " ".join(notes[shift:] + notes[:shift]), wood, pan=0.6)
    s.melody("one", 66, "1:.5 5 9 10:4.5", wood, pan=-0.6)
    s.melody("two", 66, "1:.5 5 8 12:4.5", wood, pan=0.6)
    bass = "D:12 Bm:12 G:12 Asus4:6 Bm:6 G:6"
    s.riff("low", 6, low(bass + " D:12", 38), "0..0..0..1..", reed)
    s.riff("pulse", 18, voiced("Bm:12 G:12 Asus4:6 Bm:6 G:6 D:6", 57), "xoxoxo", partial(reed, breath=0.03), gate=0.8)
    s.melody("long", 24, "-:6 5:3 6:3 8:6 9:3 10:3 8:6 6:6 5:6 1:6", partial(choir, vowel="o", attack=0.5), gain=1.1)
    s.drums(30, 36, shaker="xoo")
    s.drums(42, 24, rim="x..x.x")
    levels = {"one": (-6, 0.2), "two": (-6, 0.2), "low": (-9, 0.15), "pulse": (-13, 0.25)}
    return levels | {"long": (-13, 0.45), "drums": (-18, 0.2)}


@song(
    "The Ridge at Dawn", "Film music", "C minor", 108, "Five beats a bar: low strings drive, horns and a choir rise.",
    seed=127, beats=55, room=2.6, step=0.5, slow=49,
)  # fmt: skip
def cinematic(s: Session) -> Levels:
    first, second = "Cm Ab Eb/G Bb", "Fm Cm/Eb Ab Gsus4:2.5 G:2.5"
    spiccato = partial(saws, voices=5, attack=0.02, decay=0.12, sustain=0.4, release=0.08, cutoff=900, sweep=2000)
    horn = partial(brass, bright=0.5, attack=0.09, players=3)
    tune = "1:3 5:2 6:3 5:1 3 5:3 3:1 4 4:3 2:2 "
    high = "8:3 6:1 8 10:3 9:1 8 10:2 8:1 6 8 8:2.5 #7:2.5 8:5"
    for start, chords, gain in ((0, "Cm Cm", 0.9), (10, first, 0.8), (30, second, 1.0)):
        s.riff("ostinato", start, low(chords, 36, 5), "0.00.00.03", spiccato, gate=0.7, gain=gain)
        s.riff("ostinato", start, voiced(chords, 60, 5), "x..x..x.x.", spiccato, gate=0.7, gain=0.6 * gain)
    s.riff("strings", 10, voiced(first + " " + second + " Cm", 69, 5), "x", partial(section, attack=0.4), step=2.5)
    s.riff("bass", 10, low(first + " " + second + " Cm", 24, 5), "0", partial(section, cutoff=300), step=2.5)
    s.melody("horns", 10, tune, horn, octave=-1)
    s.melody("horns", 30, high, horn, octave=-1, gain=1.2)
    s.melody("violins", 30, high, section, octave=1)
    s.riff("choir", 30, voiced(second + " Cm", 64, 5), "x", choir, step=2.5)
    s.riff("timpani", 28, low("Bb:2 " + second + " Cm", 36, 5), "0.....0.00", drum, gain=1.0)
    s.drums(10, 20, boom="x.....o...")
    s.drums(28, 2, floor="ooxX")
    s.drums(30, 20, boom="X..x..x.x.", floor="..x..x..ox", shaker="xooxooxoxo")
    for start in (10, 30, 50):
        s.drums(start, 0.5, crash="x", boom="X")
    s.rise(26, 4)
    levels = {"ostinato": (-7, 0.25), "strings": (-10, 0.4), "bass": (-9, 0.2), "horns": (-6, 0.4)}
    levels |= {"violins": (-9, 0.4), "choir": (-11, 0.5), "timpani": (-12, 0.35), "drums": (-9, 0.3)}
    return levels | {"rise": (-20, 0.3)}


@song(
    "After the Guests", "Piano ballad", "E♭ major", 68, "A piano sings for an empty room, then strings join.",
    seed=131, beats=36, room=2.2, step=0.5, slow=31,
)  # fmt: skip
def ballad(s: Session) -> Levels:
    first, second = "Eb Cm7 Abmaj7 Bb7", "Abmaj7 Eb/G Fm7 Bb7"
    soft, clear = partial(piano, bright=0.3), partial(piano, bright=0.65)
    tune = "3:1.5 4:.5 5:1 3 5:1.5 6:.5 5:1 3 4:1 3:.5 4 6:2 5:1 4:.5 2 5,:1 -"
    high = "8:1.5 7:.5 6:1 4 5:1.5 6:.5 5:1 3 4:1.5 3:.5 2:1 4 5:1.5 6:.5 7:1 9"
    for start, chords in ((0, first), (16, second)):
        s.riff("piano", start, voiced(chords, 57), "0.1.2.1.", soft, gate=3, gain=0.7, pan=-0.15, step=0.5)
        s.riff("piano", start, low(chords, 34), "0...1...", soft, gate=1.2, gain=0.8, pan=-0.2)
    s.riff("piano", 32, voiced("Eb", 58), "x", soft, strum=0.12, step=4, gain=0.9)
    s.riff("piano", 32, low("Eb", 27), "0", soft, step=4, gain=0.9)
    s.melody("piano", 0, tune, clear, octave=0, gain=1.2, pan=0.1)
    s.melody("piano", 16, high, clear, octave=0, gain=1.4, pan=0.1)
    s.melody("piano", 32, "8:1 10 12:2", clear, octave=0, pan=0.15)
    s.riff("strings", 16, voiced(second + " Eb", 66), "x", partial(section, attack=0.5), step=4)
    s.riff("bass", 16, low(second + " Eb", 27), "0...0.1.", partial(pluck, bright=0.12, ring=3), gate=1.0)
    s.melody("cello", 16, "-:2 6,:1 5, 3,:2 5,:2 4,:2 6, 5,:4 3,:4", partial(bow, attack=0.15, cutoff=900), pan=0.3)
    s.drums(16, 16, brush="o.o.x.oo", ride="o...", kick="x.....o.")
    levels = {"piano": (-4, 0.25), "strings": (-13, 0.4), "bass": (-12, 0.05), "cello": (-11, 0.35)}
    return levels | {"drums": (-19, 0.2), "kick": (-20, 0.05)}
