"""What somebody may have meant by a name that is not known."""

import difflib
from collections.abc import Iterable


def nearest(word: str, known: Iterable[str], count: int = 1, cutoff: float = 0.6) -> list[str]:
    """The `count` known names most like `word`, the likest first; upper and lower case are the same."""
    names = {name.lower(): name for name in known}
    return [names[found] for found in difflib.get_close_matches(word.lower(), names, count, cutoff)]


def did_you_mean(word: str, known: Iterable[str], otherwise: str, count: int = 1, cutoff: float = 0.6) -> str:
    """The end of a message about an unknown name: "did you mean spread?", or `otherwise` where no known name is like it."""
    near = nearest(word, known, count, cutoff)
    return f"did you mean {' or '.join(near)}?" if near else otherwise
