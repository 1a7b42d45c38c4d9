"""Songs for a band: funk, reggae, a blues shuffle, metal, gospel, swing."""

from functools import partial

from songs import Levels, song
from synth import (
    CLARINET,
    Session,
    brass,
    choir,
    driven,
    filtered,
    low,
    organ,
    peaking,
    piano,
    pluck,
    voiced,
    whistle,
)


@song(
    "Corner Booth", "Funk", "E minor", 106, "Slapped bass, a chattering clavinet and horns in unison.",
    seed=179, beats=56, room=1.0, swing=0.53,
)  # fmt: skip
def funk(s: Session) -> Levels:
    groove, lift = "Em7:2 A9", "Cmaj7:4 D Em7 Bm7:2 B7"
    slap = partial(pluck, bright=0.6, ring=1.0, release=0.04, place=0.12)
    clavinet = partial(pluck, bright=0.95, ring=0.5, release=0.03, place=0.1)
    horns = partial(brass, bright=1.2, attack=0.025, players=3)
    tune = "-:.5 8:.25 7 5:.5 4:.25 b5 4:.5 3 1:1 -:1.5 1:.25 3 4:.5 5 #6:1 "
    reply = "-:.5 8:.25 7 5:.5 7:.25 8 10:.5 9 8:1 -:1 5:.5 7:.25 5 4:.5 3 1:1 "
    high = "5:.75 6:.25 8:1 7:.5 5 3:1 4:.75 5:.25 7:1 9:.5 7 4:1 8:.75 9:.25 10:1 8:.5 7 5:1 4:.5 5 7 4 5:.5 #7 9:1 "
    for start, chords in ((0, 4 * (groove + " ")), (16, 4 * (groove + " ")), (32, lift), (48, groove)):
        s.riff(
            "bass", start, low(chords, 28), "0..0..2.0..3.12." if start != 32 else "0..0.02.0..0.1.p", slap, gate=0.7
        )
        s.riff("clavinet", start, voiced(chords, 62), "o.x.xo.xo.x.ox.x", clavinet, gate=0.5, pan=-0.75)
        s.riff(
            "guitar",
            start,
            voiced(chords, 69),
            "..x...xx..x..x..",
            partial(pluck, bright=0.8, ring=0.2),
            gate=0.4,
            pan=0.8,
        )
    s.riff("organ", 32, voiced(lift, 65), "x", organ, step=2)
    s.riff("horns", 4, voiced("Em7:2 A9 Em7 A9", 67), "..........x.x...", horns, gate=0.5)
    s.melody("horns", 16, tune + reply, horns, gain=1.2)
    s.melody("horns", 32, high, horns, gain=1.3)
    s.melody("horns", 48, "-:.5 8:.25 7 5:.5 4:.25 b5 4:.5 3 1:1", horns, gain=1.2)
    for start, count in ((4, 12), (16, 16), (32, 16), (48, 4)):
        s.drums(start, count, kick="X..x..x...x..o..", snare="....X..o.o..X..o", hat="xoxoxoxoxoxoxxox")
    s.drums(32, 16, bell="x...", conga="..x..xx.", gain=0.8)
    s.drums(0, 4, hat="x.x.", kick="X.......X.......")
    s.drums(3, 1, snare=".oxX")
    s.drums(31, 1, snare="xx.X")
    s.drums(47, 1, snare="x.xx", tom="xx..")
    s.riff("bass", 52, low("Em7", 28), "0", slap, step=2)
    s.riff("clavinet", 52, voiced("Em7", 62), "X...............", clavinet)
    s.riff("horns", 52, voiced("Em7:2", 67), "X", horns, step=2, gain=0.8)
    for start in (16, 32, 52):
        s.drums(start, 0.25, kick="X", crash="x")
    levels = {"kick": (-7, 0.02), "drums": (-7, 0.1), "bass": (-5, 0), "clavinet": (-9, 0.1)}
    return levels | {"guitar": (-14, 0.1), "organ": (-14, 0.2), "horns": (-7, 0.2)}


@song(
    "Mango Crate", "Reggae", "G major", 76, "The beat left out on one, chops off the beat, two horns.",
    seed=181, beats=40, room=1.6, swing=0.55,
)  # fmt: skip
def reggae(s: Session) -> Levels:
    verse, lift = "G C G D", "Em C D"
    bass = partial(pluck, bright=0.1, ring=1.8, release=0.06, place=0.35)
    chop = partial(pluck, bright=0.7, ring=0.3, release=0.03)
    bubble = partial(organ, drawbars=(0, 0, 1, 0.6, 0, 0.4, 0, 0, 0))
    horns = partial(brass, bright=0.7, players=2)
    tune = "-:.5 5 5 6 5:1 3 -:.5 6 6 5 4:1 1 -:.5 3 3 4 3:1 1 2:1.5 4:.5 2:1 - "
    high = "6:1.5 5:.5 3:2 4:1.5 6:.5 8:2 9:1.5 8:.5 7:1 5 8:.5 6 5 3 5:1 - "
    for start, chords in ((0, "G C"), (8, verse), (24, lift)):
        s.riff("guitar", start, voiced(chords, 66), "..x...x.", chop, gate=0.4, pan=0.4)
        s.riff("organ", start, voiced(chords, 62), ".o.x.o.x", bubble, gate=0.5, pan=-0.2)
        s.riff("piano", start, voiced(chords, 60), "..x...x.", partial(piano, bright=0.6), gate=0.3, pan=-0.3)
    for start, chords in ((4, "C"), (8, verse), (24, lift)):
        s.riff(
            "bass", start, low(chords, 31), "0...0.1.3.1...p." if start == 24 else "0..0..1.2..1.3..", bass, gate=0.9
        )
    s.melody("horns", 8, tune, horns, octave=0, gain=0.9)
    s.melody("horns", 24, high, horns, octave=0, gain=1.1)
    s.melody("second", 24, "3:1.5 3:.5 1:2 1:1.5 4:.5 6:2 7:1.5 5:.5 5:1 2 3:.5 4 3 1 3:1 -", horns, gain=0.8, pan=-0.3)
    s.riff("guitar", 36, voiced("G", 66), "X", partial(chop, ring=1.5), strum=0.03, step=4, pan=0.4)
    s.riff("bass", 36, low("G", 31), "0", bass, step=4)
    s.riff("organ", 36, voiced("G", 62), "x", bubble, step=3)
    s.drums(3, 1, snare="x.xx", tom="..x.")
    s.drums(4, 32, kick="....X.......X...", rim="....X..o....X...", hat="x.xox.xx", shaker="x.o.")
    s.drums(8, 28, conga="......x.......xx", tumba="...x.......x....", gain=0.7)
    s.drums(23, 1, tom="xx..", floor="..xX")
    s.drums(35, 1, snare="x.xX")
    for start in (4, 24, 36):
        s.drums(start, 0.25, crash="x", kick="x")
    s.echo("piano", 0.75, 0.3)
    levels = {"kick": (-7, 0.05), "drums": (-9, 0.2), "bass": (-4, 0), "guitar": (-11, 0.25), "piano": (-13, 0.2)}
    return levels | {"organ": (-12, 0.15), "horns": (-7, 0.25), "second": (-10, 0.25)}


@song(
    "Last Stop Diner", "Blues", "A major", 100, "Twelve bars of shuffle: a guitar asks and answers itself.",
    seed=191, beats=52, room=1.2, step=0.5, swing=0.65, slow=48,
)  # fmt: skip
def blues(s: Session) -> Levels:
    form = "A7 D7 A7 A7 D7 D7 A7 A7 E7 D7 A7:2 D7 A7:2 E7"
    string = partial(pluck, bright=0.75, ring=2.2, release=0.1)
    upright = partial(pluck, bright=0.14, ring=2.0, release=0.07, place=0.35)
    ask, answer = "-:.5 5 6 8 b10:1 8 6:.5 8 5:1 -:2 ", "-:.5 b3 3 5 6:1 5 3:.5 1 b7, 5, 1:1 - "
    second = "-:.5 5 6 8 b10:1 8 6:.5 b7 8:1 6:.5 4 -:1 "
    third = "9:1 7:.5 9 5:1 7:.5 9 8:1 6:.5 8 4:1 6:.5 4 "
    turn = "3:.5 5 b7 6 4:.5 b3 1:1 1:.5 b3 3 5 7:.5 5 2:1 "
    s.riff("bass", 0, low(form, 33), "0.3.1.2.", upright, gate=1.0)
    s.riff("piano", 0, voiced(form, 62), "..x..x....x...x.", partial(piano, bright=0.6), gate=0.5, pan=-0.4)
    s.riff("rhythm", 0, low(form, 45), "x.oxx.ox", string, gate=0.6, gain=0.6, pan=0.45)
    s.riff("organ", 32, voiced("E7 D7 A7:2 D7 A7:2 E7", 66), "x", organ, step=2)
    s.melody("lead", 0, ask + answer + second + answer + third + turn, string, octave=0, pan=0.1)
    s.melody("lead", 48, "5:.5 b7 8 b10 8:2", string, octave=0, pan=0.1)
    s.riff("bass", 48, low("A7", 33), "0...0...", upright)
    s.riff("piano", 48, voiced("A9", 62), "x...X...", partial(piano, bright=0.6), pan=-0.4)
    s.drums(0, 48, ride="x.xoxoxo", snare="..X..oX.", kick="X...x..o", hat="..x...x.")
    s.drums(31, 1, snare="xX")
    s.drums(47, 1, snare="xx", tom=".x")
    for start in (0, 16, 32, 50):
        s.drums(start, 0.5, crash="o", kick="x")
    s.bus["lead"] = driven(s.bus["lead"], 6)
    s.bus["rhythm"] = driven(s.bus["rhythm"], 2)
    levels = {"kick": (-9, 0.03), "drums": (-9, 0.12), "bass": (-6, 0), "piano": (-10, 0.15)}
    return levels | {"rhythm": (-14, 0.1), "organ": (-15, 0.2), "lead": (-6, 0.25)}


@song(
    "Iron Orchard", "Metal", "E minor", 160, "Two guitars chug, a third sings above racing drums.",
    seed=193, beats=84, room=1.2,
)  # fmt: skip
def metal(s: Session) -> Levels:
    riff, chorus = "E5:6 G5:1 A5 E5:6 C5:1 D5", "C5 G5 D5 E5 C5 G5 B5 E5"
    muted, open_string = partial(pluck, bright=0.55, ring=1.0, release=0.02), partial(pluck, bright=0.65, ring=4.0)
    bass = partial(pluck, bright=0.4, ring=2.0, release=0.03)
    tune = "10:2 8:1 6 7:2 8:1 10 9:2 7:1 4 5:3 -:1 10:1.5 9:.5 8:1 6 7:1.5 8:.5 10:1 7 9:2 #7 8:3 -:1 "
    for side, pan in (("left", -0.9), ("right", 0.9)):
        for start, gain in ((0, 0.9), (16, 1.0)):
            s.riff(
                side, start, voiced(riff, 45), "x.xxx.xxx.xxx.x.x.xxx.xxX...X...", muted, gate=0.6, gain=gain, pan=pan
            )
        s.riff(side, 32, voiced(chorus, 47), "X...........X...", open_string, gate=1.0, pan=pan)
        s.riff(side, 64, voiced(riff, 45), "X..X..X.........X..X..X.X...X...", muted, gate=0.8, gain=1.1, pan=pan)
        s.riff(side, 80, voiced("E5", 45), "X", open_string, step=4, pan=pan)
    for start, chords, steps in ((0, riff, "0.00"), (16, riff, "0.00"), (32, chorus, "0000"), (64, riff, "0..0..0.")):
        s.riff("bass", start, low(chords, 28), steps, bass, gate=0.8)
    s.riff("bass", 80, low("E5", 28), "0", bass, step=4)
    s.melody("lead", 32, tune, open_string, gain=1.0)
    s.melody("lead", 72, "8:.25 7 5 7 8 7 5 7 10 9 8 9 10 9 8 9 11 10 8 7 8 7 5 4 10:1 11", open_string, gain=0.9)
    s.drums(0, 8, hat="x...", kick="X.......X.......")
    s.drums(8, 8, floor="x.x.x.x.", snare="....X.......X...", kick="X.xxX.xx")
    s.drums(16, 16, kick="X.xxX.xx", snare="....X.......X...", open="x...")
    s.drums(32, 32, kick="XxXx", snare="....X...", crash="x...............", ride="x.x.")
    s.drums(64, 16, kick="X..X..X.........", snare="........X.......", crash="x...............", open="x...")
    s.drums(30, 2, snare="xxxx....", tom="....xx..", floor="......xX")
    s.drums(62, 2, snare="xxXX....", tom="....xx..", floor="......xX")
    s.drums(80, 0.25, kick="X", crash="X", snare="X")
    for side in ("left", "right"):
        s.bus[side] = filtered(driven(s.bus[side], 14), "high", 90, 2)
    s.bus["lead"] = driven(s.bus["lead"], 10)
    s.echo("lead", 0.75, 0.25)
    s.bus["bass"] = driven(s.bus["bass"], 3)
    levels = {"kick": (-6, 0.02), "drums": (-6, 0.1), "bass": (-8, 0), "left": (-7, 0.05)}
    return levels | {"right": (-7, 0.05), "lead": (-7, 0.2)}


@song(
    "Sunday Porch", "Gospel", "A♭ major", 96, "Organ and piano in six-eight, a choir that climbs.",
    seed=197, beats=51, room=1.9, step=0.5, slow=47,
)  # fmt: skip
def gospel(s: Session) -> Levels:
    first, second = "Ab Ab/C Db Ddim7 Ab/Eb Fm7 Bbm7 Eb7", "Ab C7/E Fm7 Db Ab/Eb Bbm7:1.5 Eb7 Db:3"
    keys, bass = partial(piano, bright=0.65), partial(pluck, bright=0.12, ring=2.5, release=0.08)
    tune = "3:2 2:.5 3 5:2.5 -:.5 6:2 5:.5 4 6:2.5 -:.5 8:2 6:.5 5 6:1.5 5:.5 3:1 4:2 2:1 2:2 -:1 "
    high = "8:2 9:.5 10 9:2 7:1 8:2 6:1 6:1 8 6 10:2 8:1 9:1.5 7:1.5 8:3 "
    s.riff("piano", 0, voiced("Ab Eb7", 60, 3), "0.12.1", keys, gate=3, pan=-0.2)
    for start, chords in ((3, first), (27, second)):
        s.riff("organ", start, voiced(chords, 64, 3), "x", organ, step=1.5)
        s.riff("piano", start, voiced(chords, 58, 3), "x.ox.o" if start == 3 else "x.xxxo", keys, gate=0.8, pan=-0.2)
        s.riff("bass", start, low(chords, 29, 3), "0....0" if start == 3 else "0..0.1", bass)
    for part, octave, gain in (("choir", 0, 1.0), ("below", -1, 0.7)):
        s.melody(part, 3, tune, choir, octave=octave, gain=0.9 * gain)
        s.melody(part, 27, high, choir, octave=octave, gain=1.1 * gain)
        s.melody(part, 48, "8:3", choir, octave=octave, gain=gain)
    s.riff("organ", 48, voiced("Ab", 66, 3), "x", organ, step=3)
    s.riff("piano", 48, voiced("Ab", 62, 3), "X", keys, strum=0.06, step=3, pan=-0.2)
    s.riff("bass", 48, low("Ab", 29, 3), "0", bass, step=3)
    s.drums(3, 24, kick="x....o", rim="...x..", hat="x.ox.o")
    s.drums(26, 1, snare="xX")
    s.drums(27, 21, kick="X..o.x", snare="...X..", clap="...x..", ride="x.ox.o", shaker="xoo")
    s.drums(46.5, 1.5, tom="xx.", floor=".xX")
    for start in (27, 48):
        s.drums(start, 0.5, crash="x", kick="X")
    levels = {"kick": (-10, 0.04), "drums": (-11, 0.18), "bass": (-7, 0), "organ": (-9, 0.2), "piano": (-7, 0.2)}
    return levels | {"choir": (-5, 0.4), "below": (-9, 0.4)}


@song(
    "Midnight Malt Shop", "Swing", "F major", 168, "A walking bass, a clarinet on top, brass in between.",
    seed=199, beats=84, room=1.2, step=0.5, swing=0.63,
)  # fmt: skip
def swing(s: Session) -> Levels:
    first, bridge = "F6 D7 Gm7 C7 F6 D7 Gm7:2 C7 F6:4", "A7 D7 G7 C7"
    upright = partial(pluck, bright=0.12, ring=1.8, release=0.08, place=0.35)
    chunk = partial(pluck, bright=0.5, ring=0.4, release=0.04)
    clarinet = partial(whistle, breath=0.02, harmonics=CLARINET)
    horns = partial(brass, bright=0.9, players=4, attack=0.03)
    tune = "5:.5 6 8:1 6:.5 5 3:1 6:1 #8:.5 6 5:1 3 4:.5 6 9:1 8:.5 6 4:1 5:1.5 4:.5 2:1 - "
    tune += "5:.5 6 8:1 10:.5 8 6:1 #8:1.5 6:.5 3:1 - 9:.5 8 6 4 5:.5 4 2 7, 1:2 - "
    over = "3:.5 #5 7 9 7:1 #5 #8:.5 6 3:1 5:.5 6 #8:1 9:.5 8 6 #4 2:1 6 5:.5 7 9 11 9:1 7 "
    s.riff("bass", 0, low("F6:2 C7", 28), "0.3.1.p.", upright, gate=0.95)
    s.drums(0, 4, ride="x.x.xox.", hat="..x...x.", snare="......xX")
    for start, chords, count in ((4, first, 32), (36, bridge, 16), (52, first.replace(" F6:4", ""), 28)):
        s.riff("bass", start, low(chords, 28), "0.3.1.p.", upright, gate=0.95)
        s.riff("guitar", start, voiced(chords, 58), "x.X.", chunk, gate=0.6, pan=-0.45)
        s.drums(start, count, ride="x.xox.xo", hat="..x...x.", kick="o.o.o.o.")
    for start in (4, 52):
        s.riff(
            "horns", start, voiced(first, 65), "......x..x......" if start == 4 else "...x..x....x.x..", horns, gate=0.6
        )
    s.riff("horns", 36, voiced(bridge, 67), "x..x....", horns, gate=0.8, gain=1.2)
    s.melody("clarinet", 4, tune, clarinet, octave=0, pan=0.2)
    s.melody("clarinet", 36, over, clarinet, octave=0, pan=0.2, gain=1.1)
    s.melody("clarinet", 52, tune[: tune.rindex("5:.5 4 2")] + "5:.5 4 2 5 ", clarinet, octave=0, pan=0.2, gain=1.1)
    s.melody("clarinet", 80, "8:.5 6 8:3", clarinet, pan=0.2)
    s.riff("horns", 80, voiced("F6", 67), "..X.....", horns)
    s.riff("guitar", 80, voiced("F6", 58), "x.......", chunk, pan=-0.45)
    s.riff("bass", 80, low("F6", 28), "0.0.....", upright)
    s.drums(4, 32, brush="..x...x.")
    s.drums(36, 44, snare="..x..ox.", gain=0.8)
    s.drums(34, 2, snare="x.xX")
    s.drums(50, 2, snare="xxxX", tom=".x..")
    for start in (36, 52, 81):
        s.drums(start, 0.5, kick="x", crash="x")
    s.bus["guitar"] = peaking(s.bus["guitar"], 300, 3, 1.0)
    levels = {"kick": (-14, 0.03), "drums": (-9, 0.15), "bass": (-6, 0), "guitar": (-11, 0.1)}
    return levels | {"horns": (-9, 0.25), "clarinet": (-5, 0.25)}
