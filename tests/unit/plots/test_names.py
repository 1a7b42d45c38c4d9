"""Names of songs beside a picture: they fit, and songs can be told apart."""

from hypothesis import given
from hypothesis import strategies as st

from apex_space.plots.names import MAX_LABEL_LENGTH, short_names

EXAMPLES = [
    (
        ["my_song_take_01.wav", "my_song_take_02.wav", "my_song_take_12.wav"],
        ["take_01.wav", "take_02.wav", "take_12.wav"],
    ),
    (["Blue Moon", "Blue Moon Rising"], ["Blue Moon", "Blue Moon Rising"]),
    (["a song that ends with one", "another one"], ["a song that end…", "another one"]),
    (["a song that ends with one", "a song that ends with two"], ["with one", "with two"]),
    (["soundslikeeachother1", "soundslikeeachother2"], ["…slikeeachother1", "…slikeeachother2"]),
    (["1 sounds like each other", "2 sounds like each other"], ["1 sounds like e…", "2 sounds like e…"]),
    (["the_same_song_twice.wav"] * 2, ["the_same_song_t…"] * 2),
    ([], []),
]


def test_names_lose_what_they_have_in_common_and_keep_what_tells_them_apart() -> None:
    for names, labels in EXAMPLES:
        assert short_names(names) == labels


@given(st.lists(st.text(max_size=40)))
def test_every_name_has_a_label_that_fits(names: list[str]) -> None:
    labels = short_names(names)
    assert len(labels) == len(names)
    assert all(len(label) <= MAX_LABEL_LENGTH for label in labels)


@given(st.sets(st.integers(0, 999), min_size=2, max_size=12), st.text(max_size=30), st.sampled_from(["", ".wav"]))
def test_takes_never_look_the_same(takes: set[int], song: str, ending: str) -> None:
    names = [f"{song}_take_{take:03}{ending}" for take in sorted(takes)]
    assert len(set(short_names(names))) == len(names)
