"""Draws a funnel as an SVG file: no library, no font, readable in light and dark."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

WIDTH, LEFT, BAR, GAP, TOP = 760, 190, 30, 14, 64
STYLE = """
text { font: 15px system-ui, sans-serif; fill: #2b2620 } .title { font-weight: 650; font-size: 19px }
.n { font-variant-numeric: tabular-nums; font-weight: 600 }
.bar { fill: #b4552d } .rail { fill: #ece4d8 } .sheet { fill: #fbf7f0 }
@media (prefers-color-scheme: dark) {
  text { fill: #efe8dd } .sheet { fill: #1b1a1f } .rail { fill: #322f36 } .bar { fill: #e08a5f }
}
"""


def draw(path: Path, *, title: str, bars: Sequence[tuple[str, int]]) -> None:
    """Write one horizontal bar for each (label, number); the first is the whole."""
    whole = max(bars[0][1], 1)
    height = TOP + len(bars) * (BAR + GAP) + 16
    room = WIDTH - LEFT - 130
    rows = []
    for position, (label, n) in enumerate(bars):
        y = TOP + position * (BAR + GAP)
        share = f"{100 * n / whole:.1f} %"
        rows.append(
            f'<text x="24" y="{y + 20}">{escape(label)}</text>'
            f'<rect class="rail" x="{LEFT}" y="{y}" width="{room}" height="{BAR}" rx="6"/>'
            f'<rect class="bar" x="{LEFT}" y="{y}" width="{max(2, room * n // whole)}" height="{BAR}" rx="6"/>'
            f'<text class="n" x="{LEFT + room + 12}" y="{y + 20}">{n:,} · {share}</text>'
        )
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"'
        f' aria-label="{escape(title)}">'
        f'<style>{STYLE}</style><rect class="sheet" width="{WIDTH}" height="{height}"/>'
        f'<text class="title" x="24" y="38">{escape(title)}</text>{"".join(rows)}</svg>\n'
    )
