"""Dances and folk styles: a march, tango, samba, cumbia, bluegrass, a jig, ragtime, afrobeat."""

from functools import partial

from songs import Levels, song
from synth import (
    Session,
    brass,
    chorus,
    drum,
    filtered,
    low,
    mallet,
    organ,
    peaking,
    piano,
    pluck,
    pulse,
    saws,
    voiced,
    whistle,
)

reeds = partial(pulse, duty=0.3, attack=0.02, sustain=0.9, release=0.06, detune=0.14)
fiddle = partial(
    saws, voices=2, detune=0.04, attack=0.04, sustain=0.9, release=0.08, cutoff=2200, sweep=1500, width=0.3
)
upright = partial(pluck, bright=0.12, ring=1.8, release=0.07, place=0.35)


@song(
    "Brass Buttons", "March", "B♭ major", 116, "A town band: trumpets, tuba and a rattling snare, with a trio.",
    seed=211, beats=60, room=1.7, step=0.5,
)  # fmt: skip
def march(s: Session) -> Levels:
    first, trio = "Bb Eb/G F7 Bb Gm Cm7 F7 Bb", "Eb Bb/D F7 Bb"
    trumpet, horn = partial(brass, bright=1.1, players=3), partial(brass, bright=0.5, players=2)
    tuba = partial(brass, bright=0.4, players=1, attack=0.03)
    tune = "1:1 3:.5 3 5:1 3 6 4:.5 6 8:1 6 5:.5 6 5 4 2:1 4 3:1.5 2:.5 1:1 - "
    again = "6:1 3:.5 6 8:1 6 4:.5 6 9:1 8:.5 6 4:1 5 7:.5 9 11:1 9 8:2 -:2 "
    song_like = "8:1.5 7:.5 6:1 4 5:1.5 6:.5 5:1 3 4:1.5 5:.5 7:1 9 8:3 -:1 "
    trills = "11:.5 13 11 13 11:1 - 10:.5 12 10 12 10:1 - 9:.5 11 9 11 9:1 11 10:.5 12 10 8 10:1 - "
    s.melody("trumpets", 0, "5:.5 5 5:1 5:.5 6 7:1", trumpet, gain=0.9)
    for start, chords in ((4, first), (36, trio), (52, "Bb F7:2 Bb")):
        s.riff("tuba", start, low(chords, 29), "0.1.", tuba, gate=0.6)
        s.riff("horns", start, voiced(chords, 60), ".x.x", horn, gate=0.5, pan=-0.35)
    s.melody("trumpets", 4, tune + again, trumpet, gain=1.0, pan=0.15)
    s.melody("low", 36, song_like, partial(brass, bright=0.6, players=2, attack=0.06), octave=-1, pan=-0.2)
    s.melody("piccolo", 36, trills, partial(whistle, breath=0.03), octave=0, pan=0.4)
    s.melody("piccolo", 20, again, partial(whistle, breath=0.03), octave=1, gain=0.8, pan=0.4)
    s.melody("trumpets", 52, "8:1 8:.5 9 10:1 8 9:.5 9 7:1 8:2", trumpet, gain=1.1, pan=0.15)
    s.drums(0, 4, snare="X.ooX.ooX.oox.xX", gain=0.9)
    s.drums(4, 32, snare="X.oox.ooX.ooxoxo", kick="X.x.", open="...o")
    s.drums(36, 16, snare="o...x.oo", kick="x.o.", hat=".x.x")
    s.drums(52, 7, snare="XxooX.oo", kick="X.x.")
    s.drums(50, 2, snare="xxXX")
    for start in (4, 20, 36, 52, 58):
        s.drums(start, 0.5, crash="x", kick="X")
    levels = {"kick": (-9, 0.08), "drums": (-10, 0.2), "tuba": (-7, 0.15), "horns": (-11, 0.25)}
    return levels | {"trumpets": (-5, 0.3), "low": (-6, 0.3), "piccolo": (-11, 0.3)}


@song(
    "Borrowed Umbrella", "Tango", "C minor", 116, "Bandoneon and violin over a piano that walks in step.",
    seed=223, beats=60, room=1.4, step=0.5, slow=55,
)  # fmt: skip
def tango(s: Session) -> Levels:
    first, bright = "Cm Cm/Eb G7/D Cm Fm Cm/G G7 Cm", "Abmaj7 Eb/G Fm7 G7"
    firm = partial(piano, bright=0.7)
    tune = "5:.75 6:.25 5:.5 4 3:1 1 3:.75 4:.25 3:.5 2 1:1 5, 2:.75 3:.25 2:.5 #7, 2:1 4 3:2 -:2 "
    tune += "8:.75 9:.25 8:.5 6 4:1 6 5:.75 6:.25 5:.5 3 5:1 3 4:.75 3:.25 2:.5 #7, 5,:1 #7, 1:2 -:2 "
    high = "10:2 8:1 6 7:2 5:1 7 8:2 6:1 4 5 4 2 #7, "
    s.riff("piano", 0, low("G7", 31), "x.x.x.x.", firm, gate=0.5)
    for start, chords, steps in ((4, first, "X.x.X.x."), (36, bright, "X..x..x."), (52, "Cm G7:2 Cm", "X.x.")):
        s.riff("piano", start, voiced(chords, 60), steps, firm, gate=0.5, gain=0.7, pan=-0.2)
        s.riff("piano", start, low(chords, 36), steps.replace("X", "0").replace("x", "1"), firm, gate=0.6, pan=-0.2)
        s.riff("bass", start, low(chords, 28), steps.replace("X", "0").replace("x", "0"), upright, gate=0.7)
    s.melody("bandoneon", 4, tune, reeds, octave=0, pan=0.25)
    s.riff("bandoneon", 36, voiced(bright, 64), "x..x..x.", reeds, gate=0.7, gain=0.5, pan=0.25)
    s.melody("violin", 20, "8:4 7:2 5:2 #7:2 9:2 8:2 -", partial(fiddle, vibrato=0.2), octave=0, gain=0.7, pan=-0.35)
    s.melody("violin", 36, high, partial(fiddle, vibrato=0.22), octave=0, gain=1.1, pan=-0.35)
    s.melody("violin", 52, "5:1 3 1 3 #7:1 9 8:2", partial(fiddle, vibrato=0.2), octave=0, pan=-0.35)
    s.melody("bandoneon", 52, "3:.75 4:.25 3:.5 2 1:1 1 2:.5 #7, 5,:1 1:2", reeds, octave=0, pan=0.25)
    s.drums(36, 16, rim="x..x..x.", gain=0.6)
    s.bus["bandoneon"] = peaking(filtered(s.bus["bandoneon"], "low", 3800), 900, 3, 0.9)
    levels = {"piano": (-7, 0.15), "bass": (-8, 0.05), "bandoneon": (-6, 0.25), "violin": (-7, 0.3)}
    return levels | {"drums": (-22, 0.3)}


@song(
    "Barefoot on Tile", "Samba", "D major", 104, "Drums first, then a small guitar, a trombone and a flute.",
    seed=227, beats=52, room=1.2,
)  # fmt: skip
def samba(s: Session) -> Levels:
    first, bridge = "Dmaj9 B7b9 Em7 A7", "Gmaj7 Gm6 F#m7 B7b9 Em7 A7"
    small = partial(pluck, bright=0.8, ring=0.9, release=0.04, place=0.2)
    bone, flute = partial(brass, bright=0.6, players=1, attack=0.05), partial(whistle, breath=0.06)
    tune = "5:.5 3:.25 5 - 6:.5 5:.25 3:1 - 3:.5 6,:.25 #1 - 5:.5 3:.25 6:1 - "
    tune += "4:.5 2:.25 4 - 6:.5 8:.25 6:1 - 5:.5 4:.25 2 - 7,:.5 2:.25 5,:1 - "
    high = "8:.75 6 4:.5 6:2 8:.75 b6 4:.5 2:2 "
    high += "5:.75 3 5:.5 7:2 #8:.75 6 5:.5 3:1 6 4:.75 6 8:.5 9:1 8 7:.75 5 4:.5 2:2 "
    s.riff("guitar", 4, voiced(first, 66), "x.xx.x.xx.xxo.xx", small, gate=0.5, pan=-0.4)
    s.riff("bass", 4, low(first, 28), "0..11..00..11..p", upright, gate=0.9)
    s.melody("bone", 4, tune, bone, octave=0, pan=0.2)
    s.riff("guitar", 20, voiced(bridge, 66), "x.xx.x.xx.xxo.xx", small, gate=0.5, pan=-0.4)
    s.riff("bass", 20, low(bridge, 28), "0..11..00..12..p", upright, gate=0.9)
    s.riff("piano", 20, voiced(bridge, 62), "..x..x....x..x..", partial(piano, bright=0.6), gate=0.6, pan=0.4)
    s.melody("flute", 20, high, flute, octave=1)
    s.melody("bone", 20, "-:2 3:1 2 -:2 2:1 b6, -:2 2:1 7, -:2 #1:1 3 -:2 4:1 2 7,:2 5,:2", bone, gain=0.7, pan=0.2)
    s.riff("guitar", 44, voiced("D6:7", 66), "x.xx.x.xx.xxo.xxX...........", small, gate=0.7, pan=-0.4)
    s.riff("bass", 44, low("D6:7", 28), "0..11..00..11..p0...........", upright, gate=0.9)
    s.melody("flute", 44, "5:.5 3:.25 5 - 6:.5 5:.25 8:1 - 10:2", flute, octave=0, gain=1.1)
    s.drums(0, 48, kick="o..oX..o", floor="....X...", shaker="XoxoXoxo", gain=0.9)
    s.drums(1, 47, rim="x.x.xx.x.x.x.xx.", bell="..x.x..x.x..x.x.")
    s.drums(2, 46, conga=".x.xx.x.", gain=0.8)
    s.drums(3, 1, snare="xxxx")
    s.drums(19, 1, snare="x.xx")
    s.drums(43, 1, snare="xxxX")
    s.drums(20, 28, snare="xooxooxo", gain=0.6)
    s.drums(48, 0.25, kick="X", floor="X", crash="x", bell="X")
    levels = {"kick": (-9, 0.04), "drums": (-7, 0.14), "bass": (-7, 0.02), "guitar": (-9, 0.15)}
    return levels | {"piano": (-13, 0.15), "bone": (-8, 0.25), "flute": (-8, 0.3)}


@song(
    "Patio Lights", "Cumbia", "A minor", 94, "Accordion and scraper, a bass that steps, a bell that counts.",
    seed=229, beats=51, room=1.1,
)  # fmt: skip
def cumbia(s: Session) -> Levels:
    first, lift = "Am E7 E7 Am", "Dm Am E7 Am F C E7"
    guitar = partial(pluck, bright=0.6, ring=0.6, release=0.05)
    tune = "5:.5 5:.25 6 5:.5 3 1:.5 3 5:1 #7,:.5 #7,:.25 2 4:.5 2 5:1 - "
    tune += "4:.5 4:.25 5 4:.5 2 #7,:.5 2 4:1 3:.5 3:.25 2 1:.5 5, 1:1 - "
    high = "8:.75 6:.25 4:1 6:.5 8 6:1 5:.75 3:.25 1:1 3:.5 5 3:1 4:.75 2:.25 #7,:1 2:.5 4 2:1 3:.5 5 8 5 3:1 - "
    high += "6:.75 8:.25 10:1 8:.5 6 8:1 7:.75 10:.25 5:1 7:.5 5 3:1 #7:.75 9:.25 5:1 4:.5 2 #7,:1 "
    for start, chords in ((0, "Am"), (4, first), (20, lift)):
        s.riff("guitar", start, voiced(chords, 62), "..x...x.", guitar, gate=0.5, pan=-0.45)
        s.riff("organ", start, voiced(chords, 60), "..x...x.", partial(organ, turn=5), gate=0.4, pan=0.4)
        s.riff("bass", start, low(chords, 33), "0.....1.2.....1.", upright, gate=0.7)
    s.melody("accordion", 4, tune, reeds, octave=0, pan=0.1)
    s.melody("accordion", 20, high, reeds, octave=0, gain=1.1, pan=0.1)
    s.melody(
        "flute",
        20,
        "-:2 8:1 6 -:2 5:1 8 -:2 #7:1 9 -:2 8:1 5 -:2 8:1 10 -:2 7:1 5 -:2 9:1 #7",
        partial(whistle, breath=0.1),
        octave=1,
        pan=-0.3,
    )
    s.riff("guitar", 48, voiced("Am:3", 62), "X...........", guitar, pan=-0.45)
    s.riff("bass", 48, low("Am:3", 33), "0...........", upright)
    s.melody("accordion", 48, "8:2", reeds, pan=0.1)
    s.drums(48, 0.25, kick="X", crash="x")
    s.drums(0, 48, scrape="X.oxX.ox", bell="x...x...", kick="X...X...")
    s.drums(2, 46, conga="..x...xx..x..xx.", tumba="x.......x...o...")
    s.drums(20, 28, rim="...x..x.", shaker="xoxo")
    s.drums(19, 1, tom="x.x.", floor="..xx")
    s.drums(47, 1, tom="xx..", floor="..xX")
    levels = {"kick": (-10, 0.03), "drums": (-8, 0.14), "bass": (-6, 0.02), "guitar": (-12, 0.15)}
    s.bus["accordion"] = peaking(filtered(s.bus["accordion"], "low", 5000), 1100, 3, 0.8)
    return levels | {"organ": (-15, 0.15), "accordion": (-6, 0.2), "flute": (-12, 0.3)}


@song(
    "Creek Road Reel", "Bluegrass", "G major", 126, "Banjo rolls, a chopped mandolin and a fiddle that hurries.",
    seed=233, beats=64, room=1.0,
)  # fmt: skip
def bluegrass(s: Session) -> Levels:
    first, lift = "G C G D7 G C D7 G", "Em C G D7"
    banjo = partial(pluck, bright=0.9, ring=0.7, release=0.06, place=0.1)
    mandolin = partial(pluck, bright=0.8, ring=0.25, release=0.03)
    tune = "5:.5 3:.25 4 5:.5 8 7 5 3:1 6:.5 4:.25 5 6:.5 8 10 8 6:1 5:.5 3:.25 4 5:.5 3 1 2 3:1 2:.5 4 5 7 9:1 - "
    tune += "8:.5 5:.25 6 8:.5 10 9 8 5:1 6:.5 8:.25 10 8:.5 6 4 5 6:1 7:.5 5:.25 7 9:.5 7 4 2 5:1 3:.5 2 1 5, 1:1 - "
    high = "8:1 10 9:.5 8 6:1 8:.5 10 8:1 6:.5 8 6:1 5 8 7:.5 5 3:1 4:.5 5 7 9 7:1 - "
    s.riff("banjo", 0, voiced("G", 67), "3.2.1.0.30213021", banjo, gate=2, pan=-0.35)
    for start, chords in ((4, first), (36, lift), (52, "C D7 G:3")):
        s.riff("banjo", start, voiced(chords, 67), "0213021303120213", banjo, gate=2.5, pan=-0.35)
        s.riff("bass", start, low(chords, 28), "0...1...", upright, gate=0.8)
        s.riff("mandolin", start, voiced(chords, 64), "..x.", mandolin, gate=0.5, pan=0.45)
        s.riff("guitar", start, low(chords, 43), "0.x.1.x.", partial(pluck, bright=0.6, ring=1.5), gate=0.8, pan=0.15)
    s.melody("fiddle", 4, tune, fiddle, octave=0, pan=0.05)
    s.melody("fiddle", 36, high, fiddle, octave=0, gain=1.1, pan=0.05)
    s.melody(
        "fiddle",
        52,
        "6:.5 8:.25 10 8:.5 6 4 5 6:1 7:.5 5:.25 7 9:.5 7 4 2 5:1 8:.5 5 3 1 8:1",
        fiddle,
        octave=0,
        gain=1.1,
    )
    s.drums(4, 56, brush="..x.", kick="o...", gain=0.7)
    s.drums(20, 40, shaker="xoxo", gain=0.7)
    s.bus["guitar"] = peaking(filtered(s.bus["guitar"], "high", 80, 2), 110, 3, 2)
    levels = {"kick": (-20, 0.03), "drums": (-19, 0.1), "banjo": (-6, 0.12), "bass": (-8, 0.02)}
    return levels | {"mandolin": (-12, 0.12), "guitar": (-12, 0.12), "fiddle": (-6, 0.22)}


@song(
    "Tin Lantern", "Jig", "D major", 174, "A whistle and a fiddle race in six-eight over a frame drum.",
    seed=239, beats=87, room=1.5, step=0.5,
)  # fmt: skip
def jig(s: Session) -> Levels:
    first, second = "D D G A7 D Bm A7 D", "D G A7 D G D/F# A7 D"
    tin, harp = partial(whistle, breath=0.09), partial(pluck, bright=0.55, ring=1.6, release=0.2)
    tune = "5:.5 3 5 8 5 3 1 3 5 8 7 8 6 4 6 8 6 4 5 7 9 7 5 4 5 3 5 8 5 3 6 8 10 8 6 5 5 4 2 5 7 9 8:1 8:.5 8:1.5 "
    high = (
        "10:1 8:.5 10 9 8 6 8 11 10 8 6 9:1 7:.5 9 7 5 8 10 8 5 3 5 6 8 6 4 6 8 5 8 5 3 5 3 2 4 5 7 9 7 8:1 8:.5 8:1.5 "
    )
    s.riff("drone", 0, low("D:12", 38), "0.....", partial(reeds, attack=0.3), step=0.5)
    for start, chords in ((12, first), (36, second), (60, first), (84, "D")):
        s.riff(
            "guitar",
            start,
            voiced(chords, 60, 3),
            "x.oxox" if start < 84 else "X.....",
            harp,
            gate=0.9,
            strum=0.02,
            pan=-0.4,
        )
        s.riff("bass", start, low(chords, 38, 3), "0..1..", upright, gate=0.9)
    s.melody("fiddle", 36, high, fiddle, octave=0, pan=0.4)
    s.melody("fiddle", 60, tune, fiddle, octave=0, pan=0.4)
    s.melody("tin", 12, tune, tin, octave=1, pan=-0.1)
    s.melody("tin", 60, tune, tin, octave=1, gain=1.1, pan=-0.1)
    s.melody("tin", 84, "8:3", tin, octave=1)
    s.melody("fiddle", 84, "8:3", fiddle, pan=0.4)
    s.riff("frame", 6, low("D:78", 38), "0.00.0", partial(drum, ring=0.18, drop=0.2, noise=0.5), gate=0.5)
    s.drums(36, 48, shaker="xoxxox", rim="x..x..", gain=0.7)
    levels = {"drone": (-20, 0.3), "guitar": (-9, 0.2), "bass": (-10, 0.05), "fiddle": (-8, 0.25)}
    return levels | {"tin": (-6, 0.3), "frame": (-10, 0.12), "drums": (-19, 0.15)}


@song(
    "Penny Arcade Rag", "Ragtime", "C major", 92, "One piano: a striding left hand, a right hand ahead of it.",
    seed=241, beats=50, room=1.0,
)  # fmt: skip
def ragtime(s: Session) -> Levels:
    first, second = "C:2 C G7 C F C/G D7 G7", "Am:2 E7 Am F C/G A7 D7:1 G7 C:2"
    firm, soft = partial(piano, bright=0.85), partial(piano, bright=0.6)
    tune = "5:.25 8:.5 5:.25 3:.5 5 8:.25 10:.5 8:.25 5:1 4:.25 7:.5 9:.25 7:.5 4 3:.25 5:.5 3:.25 1:1 "
    tune += "6:.25 8:.5 6:.25 4:.5 6 5:.25 8:.5 10:.25 8:1 "
    tune += "6:.25 #4:.5 6:.25 8:.5 6 7:.25 9:.5 11:.25 9:1 "
    high = "10:.25 8:.5 10:.25 12:.5 10 9:.25 7:.5 9:.25 #5:1 10:.25 8:.5 6:.25 8:.5 10 11:.25 10:.5 8:.25 6:1 "
    high += "12:.25 10:.5 8:.25 10:.5 12 #8:.25 10:.5 6:.25 7:.5 #8 9:.5 #4 7 9 8:.25 5:.5 8:.25 8:1 "
    s.melody("right", 0, "5:.5 6 7 8 9:.25 8:.5 7:.25 5:1 4:.5 3 2 7, 5,:1 5", firm, octave=0, pan=0.1)
    for start, chords in ((8, first), (24, second), (40, "F:2 C/G D7:1 G7 C:2")):
        s.riff("left", start, low(chords, 40), "0...1...", soft, gate=0.6, gain=1.0, pan=-0.25)
        s.riff("left", start, low(chords, 28), "0.......", soft, gate=0.6, gain=0.7, pan=-0.25)
        s.riff("left", start, voiced(chords, 57), "..x.", soft, gate=0.7, gain=0.6, pan=-0.15)
    for octave, gain in ((0, 1.0), (1, 0.6)):
        s.melody("right", 8, tune, firm, octave=octave, gain=gain, pan=0.15)
        s.melody("right", 24, high, firm, octave=octave, gain=0.9 * gain, pan=0.15)
        s.melody(
            "right",
            40,
            "6:.25 8:.5 6:.25 4:.5 6 5:.25 8:.5 10:.25 8:1 9:.5 #4 7 9 8:1 8",
            firm,
            octave=octave,
            gain=gain,
            pan=0.15,
        )
    s.riff("left", 48, voiced("G7:1 C:1", 57), "X...", soft, gain=0.9, pan=-0.1)
    s.riff("left", 48, low("G7:1 C:1", 28), "0...", soft, gain=0.9, pan=-0.2)
    s.melody("right", 48, "7:1 8:1", firm, octave=1, pan=0.1)
    return {"left": (-6, 0.15), "right": (-4, 0.15)}


@song(
    "Kola Street", "Afrobeat", "A minor", 112, "Interlocking guitars and organ, a long horn line, no hurry.",
    seed=251, beats=56, room=1.1, swing=0.52,
)  # fmt: skip
def afrobeat(s: Session) -> Levels:
    groove = "Am7 D9"
    one, two = partial(pluck, bright=0.6, ring=0.5, release=0.04), partial(pluck, bright=0.75, ring=0.4, release=0.03)
    bass = partial(pluck, bright=0.18, ring=1.4, release=0.05)
    horns = partial(brass, bright=0.9, players=3)
    theme = "5:.5 7 8:1 7:.5 5 4:1 #6:.5 5 4:1 3:.5 4 1:1 5:.5 7 8:1 10:.5 8 7:1 #6:.5 8 #6 4 5:1 - "
    shout = "8:1.5 8:.5 7 8 10:1 9:.5 8 #6:1 4:1 - 8:1.5 8:.5 7 8 10:1 11:1 10 8:2 "
    call = "1:.5 3 4 5 -:2 4:.5 3 1 4 -:2 "
    for start, count in ((0, 4), (8, 24), (32, 16), (48, 4)):
        chords = " ".join([groove] * max(1, count // 8)) if count > 4 else "Am7"
        s.riff("tenor", start, voiced(chords, 57), "0.2.1..3.2.1..2.", one, gate=0.7, pan=-0.55)
        s.riff("bass", start, low(chords, 33), "0..0.3..1.2...p.", bass, gate=0.8)
    for start, chords in ((4, "D9"), (8, 3 * (groove + " ")), (32, 2 * (groove + " "))):
        s.riff("chop", start, voiced(chords, 66), "..x..xx...x..x..", two, gate=0.4, pan=0.55)
        s.riff("organ", start, voiced(chords, 62), "o.xo..x.o.xo.xx.", organ, gate=0.5, pan=0.1)
    s.riff("tenor", 4, voiced("D9", 57), "0.2.1..3.2.1..2.", one, gate=0.7, pan=-0.55)
    s.riff("bass", 4, low("D9", 33), "0..0.3..1.2...p.", bass, gate=0.8)
    s.melody("horns", 8, theme, horns, octave=0)
    s.melody("keys", 24, call, partial(mallet, bright=0.8, ring=0.5), octave=1, gain=0.9)
    s.melody("horns", 26, "3:.5 5 4:1 -:2 #6:.5 5 4:1", horns, gain=0.9)
    s.melody("horns", 32, shout, horns, octave=0, gain=1.2)
    s.melody(
        "low", 32, "1:1.5 1:.5 7, 1 3:1 4:.5 4 1:1 #6,:1 - 1:1.5 1:.5 7, 1 3:1 4:1 3 1:2", horns, octave=-1, gain=0.9
    )
    s.riff("organ", 48, voiced("Am7", 62), "o.xo..x.o.xo.xx.", organ, gate=0.5, pan=0.1)
    s.riff("horns", 52, voiced("Am7:2", 66), "X.......", horns)
    s.riff("bass", 52, low("Am7:2", 33), "0.......", bass)
    s.drums(0, 52, shaker="xoXo", clave="x..x..x...x.x...")
    s.drums(4, 48, kick="X..x..X...x.X...", hat="x.xxx.xx", rim="....x..o.o..x...")
    s.drums(8, 44, conga="..x..xx...x..xo.", tumba="x......x........", gain=0.8)
    s.drums(32, 16, snare="....x..o.o..x..o", open="......x.......x.", bell="x.x.xx.x.x.x.xx.")
    s.drums(7, 1, snare=".xxX")
    s.drums(31, 1, snare="x.xx", tom=".x..")
    for start in (8, 32, 52):
        s.drums(start, 0.25, crash="x", kick="X")
    s.bus["chop"] = chorus(s.bus["chop"], 0.3)
    levels = {"kick": (-8, 0.03), "drums": (-8, 0.13), "bass": (-6, 0), "tenor": (-11, 0.12), "chop": (-13, 0.12)}
    return levels | {"organ": (-12, 0.15), "horns": (-6, 0.22), "low": (-10, 0.2), "keys": (-11, 0.25)}
