"""Pages without a session: signing in, and a page that is not for the one who asks. Plain HTML in the pages' look."""

import html
from collections.abc import Iterable
from typing import Any

from live.gateway.security.principals import Principal, Role

_HEAD = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
    '<title>{title} · Tapebook</title><link rel="icon" href="/dash/assets/icon.svg"><link rel="stylesheet" href="/dash/assets/theme.css">'
    '<link rel="stylesheet" href="/dash/assets/pages.css"><script type="module" src="/dash/assets/js/theme.mjs"></script></head>'
    '<body class="tb-notice"><main>'
)
_MARK = '<p class="tb-brand"><img src="/dash/assets/icon.svg" alt="" width="28" height="28"> Tapebook</p>'
_END = "</main></body></html>"


def sign_in(to: str, wrong: str = "") -> str:
    """The page that takes a token. `to`: where it leads; `wrong`: what was wrong with the last one."""
    said = f'<p class="tb-wrong" role="alert">{html.escape(wrong)}</p>' if wrong else ""
    return (
        _HEAD.format(title="Sign in")
        + _MARK
        + "<h1>Sign in</h1><p>Paste a token of this session. One for a trader is made by</p>"
        + "<pre>tapebook token --role trader --trader ann --portfolio fund</pre>"
        + f'{said}<form method="post" action="/signin"><input type="hidden" name="next" value="{html.escape(to)}">'
        + '<label for="token">Token</label><textarea id="token" name="token" rows="5" required autofocus spellcheck="false" '
        + 'autocomplete="off"></textarea><button type="submit">Sign in</button></form>'
        + _END
    )


def forbidden(title: str, roles: frozenset[Role], who: Principal, pages: Iterable[Any]) -> str:
    """A page that the viewer's roles do not open, with those that they do."""
    needed = ", ".join(sorted(role.value for role in roles))
    own = ", ".join(sorted(role.value for role in who.roles)) or "none"
    links = "".join(f'<li><a href="{place.path}">{html.escape(place.title)}</a></li>' for place in pages if who.roles & place.roles)
    return (
        _HEAD.format(title=title)
        + _MARK
        + f"<h1>{html.escape(title)} is not for you</h1><p>It is for {needed}; your token’s roles: {html.escape(own)}. "
        + f'Open to you:</p><ul>{links}</ul><p><a href="/signout">Sign in as somebody else</a></p>'
        + _END
    )
