"""`tapebook token`: prints one that the gateway takes; what is wrong is said in one line."""

import asyncio

import pytest

from live.gateway.security.issuer import LocalIssuer
from live.gateway.security.tokens import Verifier
from tapebook import run_command_line


def said(capsys, out, *words):
    code = run_command_line(["token", *words, "--out", str(out)])
    captured = capsys.readouterr()
    return code, captured.out.strip(), captured.err.strip()


async def who(out, token):
    return await Verifier(None, LocalIssuer(out)).check(token)


def test_a_token_says_who(tmp_path, capsys):
    words = ["--role", "trader", "--trader", "ann", "--portfolio", "fund", "--portfolio", "other", "--hours", "8"]
    code, token, _ = said(capsys, tmp_path, *words)
    assert code == 0
    holder = asyncio.run(who(tmp_path, token))
    assert (holder.trader, sorted(holder.portfolios), [role.value for role in holder.roles]) == ("ann", ["fund", "other"], ["trader"])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--role", "tradr", "--trader", "ann"], "did you mean"),
        (["--role", "trader"], "--trader"),
        (["--role", "viewer", "--hours", "0"], "hours"),
        ([], "--role"),
    ],
    ids=str,
)
def test_what_is_wrong(tmp_path, capsys, words, says):
    code, out, error = said(capsys, tmp_path, *words)
    assert (code, out) == (2, "")
    assert says in error
    assert error.count("\n") == 0


def test_a_key_that_others_read_is_refused(tmp_path, capsys):
    LocalIssuer(tmp_path)
    (tmp_path / "issuer.json").chmod(0o644)
    code, _, error = said(capsys, tmp_path, "--role", "viewer")
    assert code == 2
    assert "chmod 600" in error
