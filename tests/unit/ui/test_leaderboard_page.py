"""The Leaderboard page without a browser."""

import gradio as gr

from apex_space.arena.leaderboard import LeaderboardService
from apex_space.storage.vote_store import VoteStore
from apex_space.ui.pages.leaderboard import LeaderboardPage
from helpers.wait import run_coroutine


def test_a_page_that_is_older_than_the_server_names_a_board_that_the_server_checks_itself(store: VoteStore) -> None:
    async def make() -> LeaderboardPage:  # in a loop, for else Gradio leaves one
        with gr.Blocks():
            return LeaderboardPage(LeaderboardService(store))

    page = run_coroutine(make())
    assert {str(each) for each in page._refresh(None, False, "genre: rock")} == {str(gr.skip())}, (
        "nothing is counted yet"
    )
    for sent in ("genre: rock", ["genre"], {"genre": "<b>"}):
        board, note, *_ = page._show(page.board.preprocess(sent))
        assert board.value == ""
        assert "There is no board" in note
