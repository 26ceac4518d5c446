"""Draws docs/gain.svg, the README's picture, from the table in docs/performance.md: python benchmarks/draw.py"""

import re
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"
ROWS = (
    "2*sin(x)+exp(-y*y), 1e5 float32",
    "softmax(x, 1), 1024 x 1024 float32",
    "compiled x + 1, one element",
    "demo epoch, compiled",
)
COLOURS = {
    "framejit": "#1f77b4",
    "framejit eager": "#9ecae1",
    "numpy": "#aaaaaa",
    "np.add": "#aaaaaa",
    "torch eager": "#ff9f40",
}
WIDTH, BAR, LABEL, ROOM = 760, 18, 110, 560
TIME = re.compile(r"([\w. ]+?) ([\d.]+) (\w+)$")


def table(text):
    """Row's name -> [(who, time, unit)], framejit first, from the Markdown table."""
    out = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and cells[0] in ROWS:
            peers = [TIME.match(part.strip()).groups() for part in cells[2].split(",")]
            value, unit = cells[1].split()
            out[cells[0]] = [("framejit", float(value), unit), *((who, float(t), u) for who, t, u in peers)]
    return out


def svg(rows):
    body, y = [], 10
    for name in ROWS:
        y += 18
        body.append(f'<text x="10" y="{y}" font-weight="bold">{name}</text>')
        longest = max(time for _, time, _ in rows[name])
        for who, time, unit in rows[name]:
            y += BAR + 3
            long = max(2.0, (ROOM - 20) * time / longest)
            body.append(f'<text x="{LABEL - 6}" y="{y}" text-anchor="end">{who}</text>')
            body.append(f'<rect x="{LABEL}" y="{y - 13}" width="{long:.1f}" height="{BAR - 2}" fill="{COLOURS[who]}"/>')
            body.append(f'<text x="{LABEL + long + 6:.1f}" y="{y}">{time:g} {unit}</text>')
        y += 14
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" font-family="sans-serif" font-size="12">'
    )
    return "\n".join([head, '<rect width="100%" height="100%" fill="white"/>', *body, "</svg>", ""])


def main():
    (DOCS / "gain.svg").write_text(svg(table((DOCS / "performance.md").read_text())))


if __name__ == "__main__":
    sys.exit(main())
