import pytest

from tests.support.server import running_server


def test_a_server_that_does_not_start_shows_what_it_said():
    with (
        pytest.raises(RuntimeError, match="did not start") as failure,
        running_server(arguments=("no-such-command",)),
    ):
        pass
    assert "Error" in str(failure.value)
