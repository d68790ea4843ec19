"""The command `tapebook token`."""

from typing import Annotated

import typer

from data.terminal import OUT, Out

app = typer.Typer()


@app.command("token")
def token(
    role: Annotated[list[str] | None, typer.Option(help="viewer, trader, risk, compliance or admin; may be given several times.")] = None,
    trader: Annotated[str | None, typer.Option(help="The trader that its holder trades as.")] = None,
    portfolio: Annotated[list[str] | None, typer.Option(help="A portfolio; may be given several times.")] = None,
    hours: Annotated[float, typer.Option(help="How long it lasts.")] = 8.0,
    subject: Annotated[str | None, typer.Option(help="Who holds it; the trader without it.")] = None,
    public: Annotated[bool, typer.Option("--public", help="Print the issuer's public key instead, for auth.key_file elsewhere.")] = False,
    out: Out = OUT,
) -> None:
    """Print a token for the gateway, signed by the local issuer.

    Example: `tapebook token --role trader --trader ann --portfolio fund --hours 8`
    """
    from engine.messages.hints import did_you_mean
    from live.gateway.security.issuer import LocalIssuer
    from live.gateway.security.principals import Role

    if public:
        typer.echo(LocalIssuer(out).public())
        return
    if not role:
        raise ValueError("name what its holder may do, as --role viewer; it may be given several times")
    known = {one.value: one for one in Role}
    for name in role:
        if name not in known:
            raise ValueError(f"role {name!r} is not known; {did_you_mean(name, known, f'it is one of {chr(44).join(known)}')}")
    roles = [known[name] for name in role]
    if Role.TRADER in roles and trader is None:
        raise ValueError("a token of the role trader needs --trader NAME: whose orders its holder sends")
    typer.echo(LocalIssuer(out).token(roles, trader=trader, portfolios=portfolio or (), hours=hours, subject=subject))
