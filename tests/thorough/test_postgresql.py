"""As in `server`, what holds on PostgreSQL too: counts after long sequences of votes, and what the judges learn."""

from server.test_postgresql import store, url  # noqa: F401
from unit.arena.test_learning import (  # noqa: F401
    service,
    test_a_model_is_learned_and_stored_and_learned_again,
    test_another_process_takes_the_stored_model,
    test_visitors_songs_do_not_decide_which_weights_learn,
)
from unit.storage.test_database import (  # noqa: F401
    test_the_counts_are_those_of_all_votes_however_they_came,
    test_the_counts_stay_those_of_all_votes_however_they_change,
)
