"""The first six songs: house, lo-fi hip hop, folk, a waltz, synthwave, bossa nova. The Score page offers these."""

from functools import partial

import numpy as np
from songs import Levels, song
from synth import (
    SAMPLE_RATE,
    Session,
    bend,
    chorus,
    epiano,
    filtered,
    low,
    mallet,
    peaking,
    piano,
    pluck,
    saws,
    voiced,
    whistle,
)


@song("Glass Morning", "House", "A minor", 122, "Stabs under a ducking kick, then a hook.", seed=11, beats=64, room=1.8)
def house(s: Session) -> Levels:
    loop = "Am7 Fmaj7 Dm9 E7"
    stab = partial(saws, decay=0.18, sustain=0.25, cutoff=500, sweep=4200, fall=0.16, q=1.1)
    pad = partial(saws, voices=6, attack=0.25, sustain=0.9, release=0.5, cutoff=700, sweep=500, fall=1.0)
    bass = partial(saws, voices=1, detune=0, decay=0.15, release=0.05, cutoff=180, sweep=900, fall=0.09, q=1.4, sub=0.8)
    lead = partial(saws, voices=3, detune=0.07, decay=0.22, sustain=0.3, release=0.25, sweep=5000, fall=0.2)
    hook = "5:.75 5:.25 4:.5 3 - 1:.25 2 3:1 5:.75 5:.25 4:.5 3 - 2:.25 1 1:1 "
    answer = "6:.75 6:.25 5:.5 4 - 1:.25 3 4:1 5:.75 4:.25 2:.5 4 5 #7 5:1 "
    s.riff("chords", 0, voiced("Am7 Fmaj7", 62), "x..x..x.........", stab, gain=0.8, gate=0.5)
    for start, chords in ((8, loop), (32, loop + " Am7 Fmaj7")):
        s.riff("chords", start, voiced(chords, 62), "x..x..x...x..x..", stab, gate=0.6)
        s.riff("bass", start, low(chords, 33), "..0...2...0.0.p.", bass, gate=0.9)
    s.riff("pad", 24, voiced("Dm9 E7 " + loop + " Am7 Fmaj7 Am7:8", 66), "x", pad, step=4)
    s.melody("lead", 8, "-:2.5 1:.25 2 3:1 -:4 -:2.5 1:.25 3 4:1 -:4", lead, gain=0.6)
    s.melody("lead", 24, "5:.75 5:.25 4:.5 3 -:2 5:.5 5 5:.25 5 5 5 5 5 5 5 #7:1", lead, gain=0.5)
    s.melody("lead", 32, hook + answer + hook + "5:.75 5:.25 4:.5 3 1:2", lead)
    s.drums(0, 24, kick="X...", hat="..x.")
    s.drums(8, 16, clap="....x...", shaker="xoxo", open="..o.")
    s.drums(24, 8, clap="x...x...x...x...x.x.x.x.xxxxxxxx", shaker="xoXo", gain=0.8)
    s.drums(32, 24, kick="X...", clap="....X...", open="..X.", hat="xoxo", shaker="oxox", ride="x...")
    for start in (32, 56):
        s.drums(start, 0.25, kick="X", crash="x", clap="x")
    s.rise(24, 8)
    for name, depth in (("chords", 0.7), ("pad", 0.7), ("bass", 0.5)):
        s.duck(name, [*range(24), *range(32, 57)], depth)
    s.bus["pad"] = chorus(s.bus["pad"], 0.5)
    s.echo("lead", 0.75, 0.35)
    levels = {"kick": (-5, 0.02), "drums": (-8, 0.15), "bass": (-6, 0), "chords": (-7, 0.25)}
    return levels | {"pad": (-12, 0.3), "lead": (-5, 0.3), "rise": (-14, 0.3)}


@song(
    "Rain on the Window Seat", "Lo-fi hip hop", "F major", 82, "Swung drums, electric piano and vibraphone on tape.",
    seed=23, beats=48, room=1.3, swing=0.57,
)  # fmt: skip
def lofi(s: Session) -> Levels:
    verse, refrain = "Fmaj7:4 Em7b5:2 A7b9 Dm7:4 Cm7:2 F7", "Bbmaj7:4 Am7:2 Dm7 Gm7:4 C7"
    keys, bell = partial(epiano, bright=0.4), partial(mallet, bright=0.5)
    bass = partial(pluck, bright=0.12, ring=3.0, release=0.06)
    strings = partial(saws, voices=6, attack=0.3, release=0.4, sweep=0)
    tune = "-:1 5:.5 6 8:.75 6:.25 5:1 -:.5 7, 1 2 3:1 #5, -:1 6,:.5 1 3:.75 2:.25 1:1 -:.5 5, b7, 2 1:1.5 -:.5"
    high = "8:1.5 9:.5 10:1 8:.5 6 5:1 3:.5 5 8 6 3:1 4:.5 6 8 9 10:1 9 8:.5 7 6 5 2:1 3"
    s.riff("keys", 0, voiced("Bbmaj7 C7", 63), "x......o..x.....", keys, strum=0.02)
    s.riff("keys", 8, voiced(verse, 63), "x......o..x..o..", keys, strum=0.02, gate=0.9)
    s.riff("keys", 24, voiced(refrain, 64), "X..o...x..x..o.o", keys, strum=0.02, gate=0.9)
    s.riff("keys", 40, voiced("Fmaj7 F6", 63), "X.....o.x.......x...............", keys, strum=0.04)
    for start, chords in ((8, verse), (24, refrain), (40, "F:4")):
        s.riff("bass", start, low(chords, 29), "0......00...2.p.", bass, gate=0.95)
    s.riff("bass", 44, low("F", 29), "0", bass, step=4)
    s.riff("strings", 24, voiced(refrain, 70), "x", strings, step=2)
    s.melody("lead", 4, "-:2.5 5:.5 3 2", bell, gain=0.8, pan=0.15)
    s.melody("lead", 8, tune, bell, pan=0.15)
    s.melody("lead", 24, high, bell, gain=1.2, pan=0.15)
    s.melody("lead", 40, "5:.5 6 8:1 7:.5 5 3:1 -:1 2:.5 3 5:2", bell, pan=0.15)
    s.drums(7, 1, snare=".oxx")
    s.drums(8, 16, kick="X......x..x.....", snare="....X.......X..o", hat="xoxo", rim="..............o.")
    s.drums(24, 16, kick="X......x.xx.....", snare="....X..o....X..o", hat="XoxoXoxx", shaker="..x...x.")
    s.drums(40, 4, kick="X......x........", snare="....x...........", hat="xoxo")
    clicks = s.rng.random((s.length, 2)) * (s.rng.random((s.length, 2)) < 0.0001)
    s.add("dust", 0, filtered(clicks + s.rng.normal(0, 0.002, clicks.shape), "band", (700, 6000)))
    t = np.arange(s.length) / SAMPLE_RATE
    for name in ("keys", "lead", "strings"):  # the tape's wow and flutter
        wow = 0.0012 * (1 + np.sin(2 * np.pi * 0.55 * t)) + 0.00008 * np.sin(2 * np.pi * 6.3 * t)
        s.bus[name] = bend(s.bus[name], wow)
    s.bus["keys"] = np.tanh(1.2 * chorus(s.bus["keys"], 0.35))
    s.bus["drums"] = filtered(s.bus["drums"], "low", 7500)
    s.echo("lead", 0.75, 0.28)
    levels = {"kick": (-7, 0.02), "drums": (-9, 0.12), "bass": (-7, 0), "keys": (-6, 0.2)}
    return levels | {"lead": (-7, 0.35), "strings": (-15, 0.4), "dust": (-32, 0)}


@song(
    "Paper Boats", "Folk ballad", "G major", 96, "Picked guitar and whistle, then strings.", seed=37, beats=56, room=1.6
)
def folk(s: Session) -> Levels:
    verse, refrain = "G D/F# Em7 Cadd9", "Cadd9 D G Em7 Cadd9 D"
    steel = partial(pluck, bright=0.72, ring=3.2, release=0.25)
    bass = partial(pluck, bright=0.15, ring=3.5, release=0.08, place=0.3)
    bow = partial(saws, voices=6, attack=0.22, sustain=0.9, release=0.35, cutoff=1300, sweep=300, vibrato=0.12)
    tune = "5,:.5 1 2 3:1 2:.5 1:1 2:1.5 5,:.5 2 3 2:1 1:.5 2 3:1 5:.5 3:1.5 2:.5 1 6,:1 1:1.5 -:.5"
    high = "5:.5 6 8:1.5 6:.5 5:1 5:1.5 3:.5 2:1 5 5:.5 6 8:1.5 9:.5 8:1 7 6:.5 5 6:1.5 -:.5 "
    high += "5:.5 6 8:1.5 6:.5 5:1 5:.5 3 2:1 1:.5 2 4 2 1:3"
    for start, chords in ((0, "G Cadd9"), (8, verse), (24, refrain)):
        s.riff("guitar", start, voiced(chords, 57), "0.2.1.3.0.3.2.1.", steel, gate=6, pan=-0.3)
        s.riff("guitar", start, low(chords, 40), "0.......1.......", steel, gain=0.8, pan=-0.25)
    s.riff("guitar", 48, voiced("G:8", 60), "0.2.1.3.2.1.0...X" + 15 * ".", steel, gate=9, strum=0.08, pan=-0.2)
    s.riff("strum", 24, voiced(refrain, 62), "X...x.xo..x.x.xo", steel, strum=0.03, pan=0.55)
    s.riff("bass", 8, low(verse, 28), "0.....0.1.....p.", bass)
    s.riff("bass", 24, low(refrain, 28), "0.....002.....1p", bass)
    s.riff("bass", 48, low("G:8", 28), "0", bass, step=4)
    s.riff("strings", 24, voiced(refrain + " G:8", 66), "x", bow, step=4)
    s.melody("lead", 8, tune, whistle, gain=0.8, pan=0.12)
    s.melody("lead", 24, high, whistle, pan=0.12)
    s.drums(8, 16, kick="x.........x.....", brush="....x.......x..o", shaker="o.x.")
    s.drums(22, 2, tom="....x.x.", floor="......xx")
    s.drums(24, 24, kick="X......x..X.....", brush="....X..o....X.oo", shaker="xoXo", ride="x...", gain=1.2)
    for start in (24, 40, 48):
        s.drums(start, 0.25, kick="x", crash="o")
    for name in ("guitar", "strum"):  # the box they sit in
        s.bus[name] = peaking(peaking(filtered(s.bus[name], "high", 75, 2), 105, 4, 2.0), 210, 3, 2.0)
    levels = {"kick": (-11, 0.03), "drums": (-12, 0.12), "bass": (-8, 0), "guitar": (-6, 0.14)}
    return levels | {"strum": (-9, 0.15), "strings": (-12, 0.35), "lead": (-7.5, 0.35)}


@song(
    "Attic Waltz", "Piano and strings waltz", "D minor", 138, "A piano alone; a string section takes the tune over.",
    seed=41, beats=72, room=2.2, step=0.5, slow=62,
)  # fmt: skip
def waltz(s: Session) -> Levels:
    first, lift, coda = "Dm Gm/Bb A7/C# Dm Bb Gm6 A7 Dm", "F C/E Dm Bb Gm C7 F A7", "Dm Gm A7 Dm"
    soft, firm = partial(piano, bright=0.35), partial(piano, bright=0.75)
    bow = partial(saws, voices=6, attack=0.16, sustain=0.9, release=0.3, cutoff=1500, sweep=500, vibrato=0.15)
    cello = partial(bow, voices=4, detune=0.06, attack=0.1, cutoff=700, sweep=300)
    tune = "5:2 4:.5 3 4:2 3:.5 2 #7,:1 2 5 3:2 1:1 6:2 5:.5 4 4:1 6 2 5 #7, 2 1:3"
    high = "7:2 5:1 7 8:.5 7 4:1 8:2 5:1 8 7:.5 6 3:1 6:1.5 5:.5 4:1 2 4 6 5:2 3:1 #7, 2 5"
    for start, chords in ((0, "Dm Bb Gm A7"), (12, first), (36, lift), (60, coda)):
        s.riff("piano", start, low(chords, 38, 3), "0.....", firm, gain=0.8, pan=-0.15)
        s.riff("piano", start, voiced(chords, 60, 3), "..x.o.", soft, gate=0.8, gain=0.6)
    for start, chords, centre, gain in ((24, "Bb Gm6 A7 Dm", 65, 0.5), (36, lift, 65, 1.0), (60, coda, 62, 0.6)):
        s.riff("strings", start, voiced(chords, centre, 3), "x", bow, step=3, gain=gain)
        s.riff("cello", start, low(chords, 36, 3), "0...1.", cello)
    s.melody("piano", 6, "5:2 4:.5 3 2:1 #7, 5,", firm, octave=1, gain=0.7)
    s.melody("piano", 12, tune, firm, octave=1)
    s.melody("violin", 36, high, bow, octave=1, gain=1.2)
    s.melody("piano", 36, high, firm, octave=2, gain=0.5, pan=0.2)
    s.melody("piano", 60, "5:2 4:.5 3 4:1 6 4 5 2 #7, 1:3", firm, octave=1)
    s.drums(33, 3, floor="o.oxxX", gain=0.7)
    s.drums(36, 24, kick="x.....", brush="..x.o.", shaker="..x.xo", ride="..o.o.")
    for start in (36, 48, 60):
        s.drums(start, 0.5, kick="o", crash="o")
    s.drums(69, 0.5, kick="x")
    levels = {"kick": (-16, 0.1), "drums": (-17, 0.2), "piano": (-5, 0.22), "violin": (-8, 0.35)}
    return levels | {"strings": (-10, 0.35), "cello": (-11, 0.25)}


@song(
    "Night Bus North", "Synthwave", "E minor", 104, "Arpeggios and a gated snare under a gliding lead.",
    seed=53, beats=56, room=2.0,
)  # fmt: skip
def synthwave(s: Session) -> Levels:
    verse, refrain, run = "Em Em Cmaj7 D", "C D Em G C B7", "0120321301203213"
    bass = partial(saws, voices=2, detune=0.05, decay=0.14, sustain=0.3, release=0.04, cutoff=250, sweep=1600, fall=0.1)
    bass = partial(bass, q=1.3, width=0.2, sub=0.5)
    arp = partial(saws, voices=2, decay=0.12, sustain=0.15, release=0.12, cutoff=700, sweep=4000, fall=0.08, q=1.5)
    pad = partial(saws, voices=7, detune=0.14, attack=0.3, sustain=0.9, release=0.6, cutoff=1100, sweep=900, fall=1.0)
    lead = partial(saws, voices=3, detune=0.08, attack=0.02, sustain=0.8, release=0.25, cutoff=1600, sweep=3500)
    lead = partial(lead, vibrato=0.2, glide=1.0, width=0.5)
    tune = "1:.75 2 3:.5 5:1 4:.5 3 2:.75 3 1:.5 -:2 3:.75 2 1:.5 6,:1 1 2:1.5 4:.5 2:2"
    high = "8:1.5 7:.5 5:1 3 9:1.5 7:.5 4:2 5:1 8 9:.75 10 9:.5 7:2 5:1 7 8:1.5 7:.5 8:1 10 9:2 #7 8:4"
    for start, chords, gain in ((0, "Em Em", 0.8), (8, verse, 0.7), (24, refrain, 1.0)):
        s.riff("arp", start, voiced(chords, 66 + 4 * (start == 24)), run, arp, gain=gain)
    s.riff("arp", 48, voiced("Em:8", 66), run[:8] + "0" + 23 * ".", arp)
    for start, chords, steps in ((4, "Em", "0."), (8, verse, "0.0.0.0.0.0.0.2."), (24, refrain, "000200020002002p")):
        s.riff("bass", start, low(chords, 28), steps, bass, gate=0.9)
    s.riff("bass", 48, low("Em", 28), "0", partial(bass, decay=1.0, release=0.5), step=4)
    s.riff("pad", 0, voiced("Em Em " + verse, 62), "x", pad, step=4, gain=0.8)
    s.riff("pad", 24, voiced(refrain + " Em:8", 64), "X", pad, step=4)
    s.melody("lead", 8, tune, lead, gain=0.7)
    s.melody("lead", 24, high, lead)
    s.drums(4, 4, hat="x.x.", gain=0.8)
    s.drums(8, 14, kick="X.......", gated="........x.......", hat="x.xo")
    s.drums(22, 2, kick="X...", tom="x.xx....", floor="....x.xX")
    s.drums(24, 24, kick="X...", gated="....X...", hat="xoXo", open="..............x.")
    s.drums(46, 2, tom="xxxx....", floor="....xxxx", gain=0.8)
    for start in (24, 40, 48):
        s.drums(start, 0.25, crash="x")
    s.drums(48, 0.25, kick="X", gated="X")
    s.rise(4, 4)
    s.rise(20, 4)
    s.duck("pad", [*range(24, 49)], 0.45)
    s.bus["pad"], s.bus["arp"] = chorus(s.bus["pad"], 0.5), chorus(s.bus["arp"], 0.3)
    s.echo("arp", 0.75, 0.3)
    s.echo("lead", 0.5, 0.3)
    levels = {"kick": (-7, 0.03), "drums": (-8, 0.25), "bass": (-7, 0), "arp": (-10, 0.25)}
    return levels | {"pad": (-10, 0.3), "lead": (-6, 0.3), "rise": (-18, 0.3)}


@song(
    "Two Chairs, One Shade", "Bossa nova", "C major", 132, "Nylon guitar, flute, upright bass and rim clicks.",
    seed=67, beats=72, room=1.3, step=0.5, swing=0.52,
)  # fmt: skip
def bossa(s: Session) -> Levels:
    first, bridge = "Cmaj7 Am7 Dm7 G7 Cmaj7 A7b9 Dm7 G7", "Fmaj7 Fm6 C/E A7b9 Dm7 G7"
    nylon = partial(pluck, bright=0.42, ring=1.8, release=0.15, place=0.3)
    upright = partial(pluck, bright=0.1, ring=2.2, release=0.07, place=0.35)
    bell, flute = partial(mallet, bright=0.4, ring=0.9), partial(whistle, breath=0.08)
    tune = "5:1.5 3:.5 2 3:1.5 -:.5 5 4 3 1:2 6:1.5 4:.5 3 4:1.5 -:.5 6 5 4 3:2 "
    tune += "5:1.5 7:.5 8 7:1.5 -:.5 b7 6 5 #1:2 4:.5 6 8:1 9:.5 8:1.5 7:.5 b6 4 2 3 2 7,:1"
    high = "8:2.5 7:.5 6 5 b6:2 4:.5 b6 8:1 7:2.5 6:.5 5 3 5:2 #1:.5 3 b7:1 6:1.5 4:.5 2:1 3 4:.5 3 2 7, 2 5,:1.5"
    for start, chords in ((0, "Cmaj7 C6"), (8, first), (40, bridge)):
        s.riff("guitar", start, voiced(chords, 61), "x..x..x..x..x.x.", nylon, gate=0.85, strum=0.012, pan=-0.4)
        if start:
            s.riff("bass", start, low(chords, 33), "0..01..0", upright, gate=0.95)
    s.riff("guitar", 64, voiced("C6:8", 62), "x..x..x.X.......", nylon, strum=0.05, pan=-0.4)
    s.riff("bass", 64, low("C6:8", 33), "0..01..00.......", upright)
    s.riff("vibes", 24, voiced("Cmaj7 A7b9 Dm7 G7", 70), "...x..x.", bell, pan=0.45, gain=0.7)
    s.riff("vibes", 40, voiced(bridge, 70), "x..x..x.", bell, pan=0.45)
    s.riff("vibes", 64, voiced("C6:8", 72), "x.......0.1.2.3.", bell, pan=0.45, gate=4)
    s.melody("lead", 8, tune, flute, octave=1, pan=0.1)
    s.melody("lead", 40, high, flute, octave=1, pan=0.1, gain=1.1)
    s.melody("lead", 64, "1:1.5 2:.5 3 5:1.5 9:4", flute, octave=1, pan=0.1)
    s.drums(0, 64, shaker="XoxoXoxo")
    s.drums(4, 60, rim="..x..x..x..x..x.", kick="X..oX..o", gain=0.9)
    s.drums(38, 2, brush="oxxX")
    s.drums(40, 24, ride="x.xox.xo", brush="..x...x.", gain=1.1)
    s.drums(64, 8, shaker="xoxoxoxox.......", kick="x..oo..ox.......", rim="x..x..x.x.......")
    s.bus["guitar"] = peaking(filtered(s.bus["guitar"], "high", 80, 2), 190, 3, 1.5)
    levels = {"kick": (-13, 0.03), "drums": (-12, 0.14), "bass": (-7, 0.02), "guitar": (-6, 0.15)}
    return levels | {"vibes": (-11, 0.3), "lead": (-8, 0.3)}
