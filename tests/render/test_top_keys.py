from __future__ import annotations

import os
import pty
import termios

from orderctl.render.top_keys import Key, Keys, keys_in


def test_letters_and_arrows_are_the_same_keys() -> None:
    assert keys_in(b"jk\x1b[A\x1b[B\x1bOA\r\nrq") == [
        Key.DOWN, Key.UP, Key.UP, Key.DOWN, Key.UP, Key.ENTER, Key.ENTER, Key.REFRESH, Key.QUIT,
    ]  # fmt: skip
    assert keys_in(b"x\x1b") == [Key.OTHER, Key.OTHER]


def test_keys_come_one_by_one_and_the_terminal_is_put_back() -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "r") as stdin:
        before = termios.tcgetattr(theirs)
        keys = Keys(stdin)
        with keys.raw():
            assert keys.wait(0) == []
            os.write(ours, b"j")
            assert keys.wait(5) == [Key.DOWN]
            assert not termios.tcgetattr(theirs)[3] & termios.ECHO
        assert termios.tcgetattr(theirs) == before
        os.close(ours)


def test_a_terminal_that_goes_away_is_somebody_who_left() -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "r") as stdin:
        os.close(ours)
        assert Keys(stdin).wait(1) == [Key.QUIT]
