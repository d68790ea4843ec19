"""Single pictures for notebooks and files: the plots of a report in one SVG."""

from functools import cache
from html import escape
from importlib.resources import files

from backtest.report.charts import HIGH, SHAPES, WIDE, Plot

STYLE = """
.tb-pic{--line:#8883;--accent:#3f7fe0;--up:#0a9678;--down:#dc4058;--own:#e09600;--card:#fff;--muted:#7d8796}
.tb-pic text{font:11px Inter,"Segoe UI",Roboto,"Liberation Sans",Arial,sans-serif;fill:currentColor;opacity:.72}
.tb-pic text{font-variant-numeric:tabular-nums}
.tb-pic .title{font-weight:600;opacity:1}.tb-pic svg{overflow:hidden}.tb-pic svg.marks{overflow:visible}
"""


@cache
def packaged(name: str) -> str:
    """The text of a file that stands beside this module."""
    return files("backtest.report").joinpath(name).read_text(encoding="utf-8")


class Picture:
    """A few plots above each other, for a notebook or a file; light or dark follows the page."""

    def __init__(self, title: str, plots: list[tuple[str, Plot]]) -> None:
        self.title, self.plots = title, plots

    def _repr_html_(self) -> str:
        return f'<div style="max-width:900px">{self._repr_svg_()}</div>'

    def _repr_svg_(self) -> str:
        """A single SVG of 900 px that scales."""
        top, parts = 26, [f'<text class="title" x="0" y="14">{escape(self.title)}</text>']
        for name, one in self.plots:
            parts.append(self._plot(name, one, top))
            top += one.height + (44 if one.x_ticks else 24)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="tb-pic" viewBox="0 0 900 {top}" width="100%" style="max-width:900px">'
            f"<style>{STYLE}{_scoped(packaged('charts.css'))}</style><defs>{SHAPES}</defs>{''.join(parts)}</svg>"
        )

    @staticmethod
    def _plot(name: str, one: Plot, top: int) -> str:
        width, y0 = 816, top + 14
        place = f'x="0" y="{y0}" width="{width}" height="{one.height}"'
        labels = [f'<text x="{width + 8}" y="{y0 + y * one.height + 4:.1f}">{escape(text)}</text>' for y, text in one.y_ticks]
        labels += [
            f'<text x="{x * width:.1f}" y="{y0 + one.height + 16}" text-anchor="middle">{escape(text)}</text>'
            for x, text in one.x_ticks
            if 0.02 < x < 0.98
        ]
        return (
            f'<text x="0" y="{top + 6}">{escape(name)}</text>'
            f'<svg class="lines" {place} viewBox="0 0 {WIDE} {HIGH}" preserveAspectRatio="none">{"".join(one.layers)}</svg>'
            f'<svg class="marks" {place}>{"".join(one.marks)}</svg>{"".join(labels)}'
        )

    def save(self, path: str) -> None:
        """Write the picture as an SVG file."""
        with open(path, "w", encoding="utf-8") as file:
            file.write(self._repr_svg_())


@cache
def _scoped(rules: str) -> str:
    """The rules, each selector within .tb-pic: a style inside an SVG reaches the whole page."""
    made = []
    for rule in rules.split("*/")[-1].replace("\n", "").split("}"):
        if "{" in rule:
            names, body = rule.split("{")
            made.append(",".join(f".tb-pic {name}" for name in names.split(",")) + "{" + body + "}")
    return "".join(made)
