"""A file in, a `Waveform` out: `load_song` decodes it within the limits of the settings, in a process of its own.

`resample` and `segments` prepare it for an encoder, `features` measures tempo, key and loudness.
"""
