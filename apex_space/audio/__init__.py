"""Takes a sound file and returns a `Waveform`: `load_song` decodes within the settings' limits, in a separate process.

`resample` and `segments` prepare the waveform for an encoder. `features` measures tempo, key and loudness.
"""
