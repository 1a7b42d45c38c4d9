"""Electronic songs: techno, trance, drum and bass, chiptune, disco, boom bap."""

from functools import partial

import numpy as np
from songs import Levels, song
from synth import (
    SAMPLE_RATE,
    Session,
    brass,
    choir,
    chorus,
    drum,
    epiano,
    filtered,
    low,
    mallet,
    organ,
    piano,
    pluck,
    pulse,
    saws,
    voiced,
)


@song(
    "Substation", "Techno", "G minor", 132, "One squelching line and an echoing chord on a hard kick.",
    seed=139, beats=68, room=1.6,
)  # fmt: skip
def techno(s: Session) -> Levels:
    acid = partial(
        saws, voices=1, decay=0.2, sustain=0.4, release=0.04, cutoff=320, sweep=1500, fall=0.09, q=4, glide=0.7
    )
    opened = partial(acid, cutoff=600, sweep=3600, fall=0.14)
    stab = partial(saws, voices=4, decay=0.16, sustain=0.1, release=0.2, cutoff=600, sweep=2600, fall=0.12, q=1.2)
    pad = partial(saws, voices=7, attack=0.8, sustain=1, release=0.8, cutoff=700, sweep=1200, fall=2.5)
    line = "1:.25 1 8 - 1 3 - 1 7, 1 - 8 1 - 5 4 "
    turn = "1:.25 1 8 - 1 3 - 1 7, 1 - 8 4 3 7, - "
    s.melody("acid", 8, 2 * (line + turn), acid, octave=-2)
    s.melody("acid", 32, 2 * (line + turn) + 2 * (line + turn), opened, octave=-2)
    for start, chords in ((0, "Gm:24"), (32, "Gm:32")):
        s.riff("rumble", start, low(chords, 31), "..0.", partial(drum, ring=0.2, drop=0.1, noise=0.05), gate=0.8)
    s.riff("stab", 16, voiced("Gm9:8 Ebmaj9:8", 62), "...x..x.........", stab, gate=0.5)
    s.riff("stab", 32, voiced("Gm9:8 Ebmaj9 Cm9 Gm9", 64), "...x..x....x....", stab, gate=0.5)
    s.riff("pad", 20, voiced("Gm9:4 Ebmaj9:8 Gm9:8 Ebmaj9 Cm9 Gm9 Gm9:4", 69), "x", pad, step=4)
    s.drums(0, 24, kick="X...", gain=1.0)
    s.drums(4, 20, hat="..x.")
    s.drums(8, 16, clap="....x...", shaker="xoxo")
    s.drums(24, 8, hat="xoxo", clap="x...x...x...x...x.x.x.x.xxxxxxxx", gain=0.7)
    s.drums(32, 32, kick="X...", open="..X.", clap="....X...", hat="xoxx", ride="x.x.", rim="...x..x.........")
    s.drums(62, 2, tom="..x.x.xx", floor="x..x..xx")
    for start in (8, 32, 48, 64):
        s.drums(start, 0.25, kick="X", crash="x")
    s.rise(24, 8)
    for name, depth in (("acid", 0.3), ("stab", 0.4), ("pad", 0.7)):
        s.duck(name, [*range(24), *range(32, 65)], depth)
    s.bus["acid"] = np.tanh(1.5 * s.bus["acid"] / np.abs(s.bus["acid"]).max())
    s.echo("stab", 0.75, 0.5)
    levels = {"kick": (-4, 0.02), "drums": (-9, 0.15), "rumble": (-10, 0.05), "acid": (-7, 0.12)}
    return levels | {"stab": (-9, 0.4), "pad": (-14, 0.4), "rise": (-16, 0.3)}


@song(
    "Above the Cloud Deck", "Trance", "B minor", 138, "A plucked figure, a breath, then the wide lead.",
    seed=149, beats=72, room=2.4,
)  # fmt: skip
def trance(s: Session) -> Levels:
    loop = "Bm G D A"
    bass = partial(saws, voices=1, decay=0.15, release=0.04, cutoff=250, sweep=1300, fall=0.07, q=1.2, sub=0.6)
    arp = partial(saws, voices=3, decay=0.1, sustain=0.1, release=0.12, cutoff=800, sweep=4500, fall=0.07, q=1.3)
    wide = partial(
        saws, voices=9, detune=0.22, attack=0.02, sustain=0.9, release=0.3, cutoff=3500, sweep=5000, fall=0.5
    )
    pad = partial(saws, voices=7, detune=0.15, attack=0.5, sustain=1, release=0.6, cutoff=900, sweep=1500, fall=1.5)
    tune = "5:1.5 3:.5 5:1 8 8:1.5 6:.5 8:1 10 10:1.5 9:.5 10:1 5 9:2 7:1 9 "
    high = "8:1.5 5:.5 8:1 10 10:1.5 8:.5 6:1 8 7:1 10 12:1.5 10:.5 9:2 11:1 9 "
    for start, gain in ((0, 0.8), (32, 1.0), (48, 1.0)):
        s.riff("arp", start, voiced(loop, 66), "0.12.01.20.12.01", arp, gain=gain)
    s.riff("bass", 8, low("D A", 35), "..0...0...0...0.", bass, gate=0.8)
    for start in (32, 48):
        s.riff("bass", start, low(loop, 35), "..00..00..00..2p", bass, gate=0.8)
        s.riff(
            "wide",
            start,
            voiced(loop, 64),
            "X..x..x...x..x..",
            partial(wide, decay=0.3, sustain=0.5),
            gain=0.6,
            gate=0.9,
        )
    s.riff("pad", 8, voiced("D A " + loop, 64), "x", pad, step=4)
    s.riff("pad", 32, voiced(2 * (loop + " ") + "Bm:8", 66), "x", pad, step=4)
    s.melody("piano", 16, tune, partial(piano, bright=0.7), octave=0)
    s.melody("lead", 32, tune + high, wide, octave=0)
    s.melody("lead", 64, "8:6", wide)
    s.riff("arp", 64, voiced("Bm:8", 66), "0.12.01.0.......", arp, gain=0.7)
    s.drums(0, 16, kick="X...")
    s.drums(4, 12, open="..x.", hat="xoxo")
    s.drums(8, 8, clap="....x...")
    s.drums(24, 8, clap="x.......x.......x...x...x.x.xxxx", gain=0.8)
    s.drums(32, 32, kick="X...", open="..X.", clap="....X...", hat="xoxo", shaker="oxox", ride="x...")
    for start in (32, 48, 64):
        s.drums(start, 0.25, kick="X", crash="X", clap="x")
    s.rise(8, 8)
    s.rise(24, 8)
    for name, depth in (("pad", 0.7), ("wide", 0.6), ("lead", 0.35), ("bass", 0.5)):
        s.duck(name, [*range(16), *range(32, 65)], depth)
    s.echo("arp", 0.75, 0.35)
    s.echo("lead", 0.75, 0.3)
    levels = {"kick": (-5, 0.02), "drums": (-9, 0.15), "bass": (-7, 0), "arp": (-10, 0.3), "pad": (-11, 0.35)}
    return levels | {"wide": (-11, 0.3), "piano": (-9, 0.4), "lead": (-6, 0.35), "rise": (-17, 0.3)}


@song(
    "Wet Neon", "Drum and bass", "F minor", 172, "Broken beats at full speed under slow chords and a voice.",
    seed=151, beats=88, room=2.0,
)  # fmt: skip
def drum_and_bass(s: Session) -> Levels:
    loop = "Fm9:8 Dbmaj9 Abmaj9 Eb"
    reese = partial(
        saws, voices=3, detune=0.28, attack=0.01, sustain=0.9, release=0.08, cutoff=350, sweep=500, width=0.5
    )
    reese = partial(reese, fall=0.4, q=1.4, sub=0.8)
    pad = partial(saws, voices=7, detune=0.15, attack=0.6, sustain=1, release=0.8, cutoff=800, sweep=900, fall=2.0)
    sing = partial(choir, vowel="a", attack=0.12)
    tune = "5:3 4:1 3:2 1 1:3 3:1 5:4 7:3 5:1 3:2 2 2:4 4:2 2 "
    s.riff("keys", 0, voiced("Fm9:8 Dbmaj9:8", 64), "x.....x...x.....", partial(epiano, bright=0.5), gate=0.9)
    s.riff("keys", 16, voiced(loop, 64), "x.....x...x..x..", partial(epiano, bright=0.6), gate=0.9)
    s.riff(
        "keys", 56, voiced("Abmaj9:8 Eb " + "Fm9 Fm9", 66), "x.....x...x..x..", partial(epiano, bright=0.6), gate=0.9
    )
    s.riff("pad", 0, voiced("Fm9:8 Dbmaj9 " + loop + " Fm9 Dbmaj9 Abmaj9 Eb Fm9:8", 60), "x", pad, step=8)
    for start, chords in ((16, loop), (48, "Fm9:8 Dbmaj9"), (64, "Abmaj9:8 Eb")):
        s.riff("bass", start, low(chords, 29), "0.....0.0...2...0.....0....0..p.", reese, gate=0.9)
    s.riff("bass", 80, low("Fm9:8", 29), "0", reese, step=6)
    s.melody("voice", 16, tune, sing, octave=0)
    s.melody("voice", 48, "8:3 7:1 5:2 3 6:3 8:1 7:4 ", sing, octave=0, gain=1.1)
    s.melody("voice", 64, "7:3 8:1 10:2 9 9:4 7:2 4 5:6", sing, octave=0, gain=1.1)
    s.melody("bell", 32, "-:2 10:1 8 7:2 5 -:2 9:1 7 4:2 7 ", partial(mallet, bright=0.7, ring=0.8), octave=1, pan=0.4)
    s.melody("bell", 64, "-:2 10:1 9 7:2 5 -:2 9:1 7 11:2 9", partial(mallet, bright=0.7, ring=0.8), octave=1, pan=0.4)
    breaks = dict(kick="X.........X.....", snare="....X..o.o..X...", hat="x.xox.xox.xox.xo")
    other = dict(kick="X.X.......X..o..", snare="....X..o.o....X.", hat="x.xox.xox.xoxxxo")
    s.drums(8, 8, hat="x.x.", ride="x...")
    s.drums(14, 2, snare="..x.xxxX")
    for start in (16, 24, 32, 40, 56, 64, 72):
        s.drums(start, 4, **breaks)
        s.drums(start + 4, 4, **other)
    s.drums(16, 64, shaker="oxox", gain=0.7)
    s.drums(48, 8, kick="X...............", snare="........X.......", ride="x...x...")
    s.drums(56, 24, ride="x...", gain=0.8)
    for start in (16, 32, 48, 56, 80):
        s.drums(start, 0.25, kick="X", crash="x")
    s.rise(12, 4)
    s.echo("bell", 1.5, 0.4)
    s.echo("voice", 1.0, 0.25)
    s.bus["keys"] = chorus(s.bus["keys"], 0.4)
    levels = {"kick": (-7, 0.02), "drums": (-6, 0.12), "bass": (-6, 0), "keys": (-11, 0.25), "pad": (-12, 0.4)}
    return levels | {"voice": (-8, 0.4), "bell": (-12, 0.4), "rise": (-18, 0.3)}


@song(
    "Pocket Quest", "Chiptune", "C major", 150, "Four voices of an old game console: two pulses, bass, noise.",
    seed=157, beats=76, room=0.5,
)  # fmt: skip
def chiptune(s: Session) -> Levels:
    first, second = "C:2 G/B Am Em F C/E Dm G7", "Am:4 F C G"
    lead, thin = partial(pulse, duty=0.25, vibrato=0.15), partial(pulse, duty=0.125, decay=0.1, sustain=0.3)
    tune = "5:.5 8 7 8 9 7 5:1 10:.5 8 6:1 7:.5 5 3:1 6:.5 8 6 4 5:.5 3 1:1 2:.5 4 6:1 5:.5 4 2:1 "
    again = "5:.5 8 7 8 9 7 11 9 10 8 6:1 7:.5 9 10:1 8:.5 6 8 11 10 8 5:1 4:.5 6 9:1 7:.5 9 11:1 "
    other = "6:1 8 10:1.5 9:.5 8:1 6 4:1.5 5:.5 5:1 8 10:1.5 8:.5 9:1 7 5:2 "
    s.riff("arp", 0, voiced("C:4", 66), "0120", thin, gate=0.8)
    for start, chords in ((4, first), (20, first), (36, second), (52, first), (68, "F:2 G C:3")):
        s.riff("arp", start, voiced(chords, 66), "0121", thin, gate=0.8, pan=-0.75)
        s.riff("bass", start, low(chords, 36), "0.2." if start < 68 else "0...", partial(pulse, sustain=0.9), gate=0.8)
    s.riff("arp", 75, voiced("C:1", 66), "X...", thin, pan=-0.5)
    for start, text, gain in (
        (4, tune, 0.9),
        (20, again, 1),
        (36, other, 1),
        (52, again, 1),
        (68, "8:.5 6 4:1 7:.5 9 11:1 12:3", 1),
    ):
        s.melody("lead", start, text, lead, octave=1, gain=gain, pan=0.5)
    thirds = "8:1 10 12:1.5 10:.5 11:1 8 6:1.5 8:.5 8:1 10 12:1.5 10:.5 11:1 9 7:2"
    s.melody("second", 36, thirds, partial(lead, duty=0.5), gain=0.8, pan=-0.45)
    s.drums(4, 32, kick="X...x...", snare="....X...", hat="x.x.")
    s.drums(36, 16, kick="X.....x.", snare="....X..o", hat="xxx.")
    s.drums(52, 20, kick="X...x.x.", snare="....X...", hat="x.xx")
    s.drums(34, 2, snare="x.x.xxxx")
    s.drums(50, 2, snare="x.x.xxxx")
    s.drums(72, 0.25, kick="X", snare="X")
    s.bus["bass"] = filtered(s.bus["bass"], "low", 900)
    s.echo("lead", 0.75, 0.2)
    levels = {"kick": (-9, 0), "drums": (-11, 0.02), "bass": (-8, 0), "arp": (-11, 0.05)}
    return levels | {"lead": (-5, 0.08), "second": (-12, 0.08)}


@song(
    "Mirrorball Avenue", "Disco", "G minor", 118, "Octave bass, a scratching guitar and a string section on top.",
    seed=163, beats=60, room=1.5,
)  # fmt: skip
def disco(s: Session) -> Levels:
    verse, lift = "Gm7 Bb/F Ebmaj7 F Gm7 Cm7 Ebmaj7 D7", "Ebmaj7 F Gm7:2 Bb/D Cm7:2 D7"
    bass = partial(pluck, bright=0.3, ring=1.2, release=0.04, place=0.25)
    scratch = partial(pluck, bright=0.85, ring=0.25, release=0.03)
    bow = partial(saws, voices=7, attack=0.06, sustain=0.9, release=0.2, cutoff=2400, sweep=1500, vibrato=0.14)
    tune = "5:1.5 4:.5 3:1 1 4:.5 3 4 5:1.5 -:1 6:1.5 5:.5 3:1 1 2:.5 4 7:1 4:1 2 "
    tune += "5:1.5 7:.5 8:1 5 6:.5 8 6 4:1.5 -:1 8:1 6 3:2 5:1 #7 9:2 "
    high = "10:1.5 9:.5 8:1 6 9:1.5 8:.5 7:1 4 10:1 8 7:1 5 6:.5 8 6 4 5:1 #7 "
    s.riff("scratch", 0, voiced("Gm7 F", 66), "x.xox.xo.xoxx.xo", scratch, gate=0.5, pan=-0.5)
    s.riff("bass", 4, low("F", 28), "0.2.", bass, gate=0.9)
    for start, chords, count in ((8, verse, 32), (40, lift, 16)):
        s.riff("scratch", start, voiced(chords, 66), "x.xox.xo.xoxx.xo", scratch, gate=0.5, pan=-0.5)
        s.riff("bass", start, low(chords, 28), "0.2.0.2.0.2.0.2p", bass, gate=0.9)
        s.riff("keys", start, voiced(chords, 62), "..x...x...x..x..", partial(epiano, bright=0.7), gate=0.6, pan=0.4)
        s.drums(
            start, count, kick="X...", open="..X.", hat="x.xo", clap="....x...", snare="....x..o....x...", shaker="xoXo"
        )
    s.melody("strings", 8, tune, bow, octave=0, gain=0.9)
    s.melody("strings", 40, high, bow, octave=0, gain=1.1)
    s.riff(
        "horns",
        24,
        voiced("Gm7 Cm7 Ebmaj7 D7 " + lift, 64),
        "......x...x.x...",
        partial(brass, players=3),
        gate=0.4,
        pan=0.2,
    )
    s.riff("keys", 56, voiced("Gm7", 62), "X", partial(epiano, bright=0.7), step=4)
    s.riff("bass", 56, low("Gm7", 28), "0", bass, step=4)
    s.melody("strings", 56, "8:3", bow)
    s.drums(0, 8, kick="X...", gain=0.9)
    s.drums(4, 4, open="..x.", conga="..xx.x.x", tumba="x...x...")
    s.drums(8, 48, conga="..xx.x.x", tumba="x...x...", gain=0.7)
    s.drums(39, 1, snare="xxxX")
    s.drums(55, 1, tom="xx..", floor="..xX")
    for start in (8, 40, 56):
        s.drums(start, 0.25, crash="x", kick="X")
    s.bus["strings"] = chorus(s.bus["strings"], 0.4)
    levels = {"kick": (-7, 0.02), "drums": (-8, 0.12), "bass": (-6, 0), "scratch": (-12, 0.15)}
    return levels | {"keys": (-12, 0.2), "strings": (-6, 0.3), "horns": (-11, 0.25)}


@song(
    "Brownstone Steps", "Boom bap hip hop", "D minor", 90, "Chopped piano, a heavy kick and a horn that answers.",
    seed=167, beats=48, room=0.9, swing=0.56,
)  # fmt: skip
def hiphop(s: Session) -> Levels:
    loop, other = "Dm9:4 Bbmaj7:2 A7b9", "Gm9:4 A7b9:2 Dm9"
    keys, bass = partial(piano, bright=0.6), partial(drum, ring=0.7, drop=0.4, noise=0.05)
    soft = partial(organ, drawbars=(0, 0, 1, 0.4, 0, 0.2, 0, 0, 0))
    hook = "8:.75 7:.25 5:.5 3 1:1 -:1 3:.5 5 6:.5 5 #7:1 5 "
    reply = "-:2 5:.5 7 8:.75 9:.25 10:1 8:.5 6 5:.5 #7 5:1 "
    horn = "-:2 5:.5 6 8:1 9:.5 #7 6:1 5:.5 4 3:1 "
    for start, chords in ((8, loop + " " + loop), (24, other + " " + other), (40, loop)):
        s.riff("keys", start, voiced(chords, 60), "x..x..x.x...x...", keys, gate=0.5, gain=0.7)
        s.riff(
            "bass", start, low(chords, 33), "0..0..0...0....." if start != 24 else "0.....00..0...p.", bass, gate=0.9
        )
    for start, text in ((0, hook), (8, hook + reply), (40, hook)):
        s.melody("keys", start, text, keys, octave=0, gain=1.1, pan=0.1)
    for start, chords in ((0, loop), (24, other + " " + other)):
        s.riff("organ", start, voiced(chords, 66), "x", soft, step=2)
    s.melody("horn", 24, horn + "-:1 8:.5 9 10:1 9:.5 8 #7 9 5:1 8:2", partial(brass, bright=0.5, players=1), pan=-0.25)
    s.drums(7, 1, snare="..xX")
    s.drums(8, 32, kick="X.....X...X.....X.....XX..X..o..", snare="....X.......X..o", hat="x.xox.xo")
    s.drums(24, 16, open="..............x.", rim="..o..o..", shaker="xoxo")
    s.drums(40, 6, kick="X.....X...X.....", snare="....X.......X...", hat="x.xo")
    s.drums(46, 0.25, kick="X", snare="X", crash="o")
    shape = (int(s.seconds(47) * SAMPLE_RATE), 2)
    clicks = s.rng.random(shape) * (s.rng.random(shape) < 0.00006)
    s.add("dust", 0, filtered(clicks + s.rng.normal(0, 0.001, shape), "band", (900, 6000)))
    s.bus["keys"] = filtered(s.bus["keys"], "low", 5000)
    levels = {"kick": (-4, 0.02), "drums": (-6, 0.08), "bass": (-7, 0), "keys": (-6, 0.15)}
    return levels | {"organ": (-12, 0.2), "horn": (-8, 0.25), "dust": (-34, 0)}
