"""bash's command line as words, and the words back as bash wants them.

bash splits at `=` and `:` as well (COMP_WORDBREAKS), which cuts `--env=prod` and every ARN into pieces; so the
line itself is taken apart here, as the shell would, and of each answer only the part behind the last break is
given back.
"""

from __future__ import annotations

from collections.abc import Sequence

_SPACE = " \t\n"


def words_of(line: str, cursor: int) -> list[str]:
    """The words up to the cursor, the command's own name left out; the last is the one being typed."""
    words, word, quote, began = [], "", "", False
    characters = iter(line[:cursor])
    for character in characters:
        if quote:
            quote, word = ("", word) if character == quote else (quote, word + character)
        elif character in "'\"":
            quote, began = character, True
        elif character == "\\":
            word, began = word + next(characters, ""), True
        elif character in _SPACE:
            if word or began:
                words.append(word)
            word, began = "", False
        else:
            word += character
    return [*words, word][1:]


def behind_the_break(word: str, breaks: str) -> int:
    """How many characters of `word` bash has left behind already: those up to its last break."""
    return max((word.rfind(character) + 1 for character in breaks if character in "=:"), default=0)


def for_bash(found: Sequence[str], word: str, breaks: str) -> list[str]:
    """The answers as bash puts them in place of what stands behind the last break."""
    cut = behind_the_break(word, breaks)
    return [each[cut:] for each in found]
