"""Pages as files over HTTP: GET /dash/export/PAGE?export-format=png, beside what stands behind the page's own question mark."""

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response

from backtest.report.printing import PrintError
from dashboards.reports.export import KINDS, ExportError, export, wanted
from dashboards.reports.printer import Window
from dashboards.serving.answering import Answering, problem
from live.gateway.problems import Problem
from live.gateway.security.principals import Principal

PATH = "/dash/export/"
OWN = "export-"
"""What begins so is about the file, the rest about the page."""


async def exported(request: Request, who: Principal | None, answering: Answering) -> Response:
    """One file, of what its viewer may see."""
    if who is None:
        return problem(Problem(401, "UNAUTHORIZED", "sign in first"))
    if request.method != "GET":
        return problem(Problem(405, "METHOD_NOT_ALLOWED", "a page is exported with GET"))
    given = dict(request.query_params)
    own = {name.removeprefix(OWN): given.pop(name) for name in list(given) if name.startswith(OWN)}
    page = request.url.path.removeprefix(PATH)
    try:
        window = Window(_pixels(own, "width", Window().width), _pixels(own, "height", Window().height))
        asked = wanted(page, own.get("format", "html"), given, window, own.get("theme", ""), own.get("colours", ""))
        if not who.roles & asked.place.roles:
            return problem(Problem(403, "FORBIDDEN", f"{asked.place.title} is for {', '.join(sorted(asked.place.roles))}"))
        made = await export(answering.source, who, asked, answering.out)
    except (ExportError, PrintError) as odd:
        return problem(Problem(422, "NO_EXPORT", str(odd)))
    name = f"{answering.source.about.name}-{page}-{datetime.now(UTC):%Y%m%d-%H%M%S}.{asked.kind}"
    plain = "".join(one if one.isalnum() or one in "-._" else "-" for one in name if one.isascii())
    return Response(made, media_type=KINDS[asked.kind], headers={"content-disposition": f'attachment; filename="{plain}"'})


def _pixels(own: dict[str, str], name: str, usual: int) -> int:
    text = own.get(name, str(usual))
    if not (text.isascii() and text.isdigit()) or len(text) > 5:
        raise ExportError(f"{name} is {text[:20]!r}; it is a whole number of pixels")
    return int(text)
