"""Names in narrow columns: broken where a word of theirs ends, never within one that fits."""

import re
from collections.abc import Sequence

from rich.text import Text

_WORDS = re.compile(r"\d[\d:.,-]*|[A-Z]+(?![a-z])|[A-Z]?[^A-Z\s_/:.-]+|.", re.DOTALL)
"""The parts of a name between which it may be broken: words of CamelCase, and what stands between spaces, hyphens and underscores. Numbers,
dates and times are one part."""


def words(text: str) -> list[str]:
    """Parts that stay whole, each with the sign that ends it: "ImbalanceTaker AMZN_2012-06-21" is Imbalance, Taker, AMZN_, 2012-06-21."""
    found: list[str] = []
    for part in _WORDS.findall(text):
        if found and not part[0].isalnum():
            found[-1] += part
        else:
            found.append(part)
    return found


def lines(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width`: broken at spaces, within a name where it does not fit, within a word where that does not."""
    made = [""]
    for name in re.findall(r"\S+\s*", text):
        for part in [name] if len(name.rstrip()) <= width else words(name):
            if made[-1] and len(made[-1] + part.rstrip()) > width:
                made.append("")
            made[-1] += part
            while len(made[-1].rstrip()) > width:
                made[-1:] = [made[-1][:width], made[-1][width:]]
    return [line.rstrip() for line in made]


def cell(text: str, width: int, style: str = "") -> Text:
    """`text` for a column of `width`."""
    return Text("\n".join(lines(text, width)), style=style, no_wrap=True)


def shares(room: int, columns: Sequence[Sequence[str]]) -> list[int]:
    """Widths of columns of names that share `room`: as wide as their texts, else what is left after their longest words, in equal parts."""
    whole = [max(map(len, texts), default=0) for texts in columns]
    least = [max((len(word.rstrip()) for text in texts for word in words(text)), default=0) for texts in columns]
    if sum(whole) <= room:
        return whole
    widths, spare = list(least), max(0, room - sum(least))
    for done, k in enumerate(sorted(range(len(columns)), key=lambda k: whole[k] - least[k])):
        more = min(spare // (len(columns) - done), whole[k] - least[k])
        widths[k], spare = least[k] + more, spare - more
    return [max(width, 1) for width in widths]
