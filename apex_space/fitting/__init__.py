"""Learning a preference head from people's choices: where battles come from, their songs' scores, and the fit."""

HUB = "music-arena/music-arena-dataset"
