"""The measurement as an SVG: CPU per booking by part, and latency, each system a bar."""

from collections.abc import Iterator, Sequence
from html import escape

from bench.measure import Sample

COLOURS = {
    "backend": "#2f6f9f",
    "store": "#16405f",
    "worker": "#4b8f8c",
    "payment": "#d98e04",
    "loyalty": "#5a9a3c",
    "recovery": "#8d6bb8",
    "database": "#777777",
}
SHADES = {"p50": "#2f6f9f", "p95": "#7fb0d3", "p99": "#c9dfee"}
WIDTH, LEFT, RIGHT, LEGEND = 800, 120, 80, 90
BAR, GAP, TOP = 26, 14, 70
STYLE = "font-family='system-ui, sans-serif' font-size='13' fill='#222'"


def draw(samples: Sequence[Sample], *, clients: int, title: str) -> str:
    chosen = [each for each in samples if each.clients == clients]
    cpu = [(each.system, list(each.cpu.items())) for each in chosen]
    latency = [(each.system, _steps(each)) for each in chosen]
    panel = TOP + len(chosen) * (BAR + GAP) + 20
    heading = f"What a booking costs: {title}, {clients} clients"
    body = [
        f"<text x='20' y='24' font-weight='bold'>{escape(heading)}</text>",
        *_panel("CPU per booking, ms", cpu, COLOURS, offset=20),
        *_panel("Latency, ms: p50, p95, p99", latency, SHADES, offset=20 + panel),
    ]
    height = 2 * panel + 30
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height}' {STYLE}>"
        f"<rect width='{WIDTH}' height='{height}' fill='white' stroke='none'/>{''.join(body)}</svg>\n"
    )


def _steps(sample: Sample) -> list[tuple[str, float]]:
    """The percentiles as pieces that stand one after another."""
    return [
        ("p50", sample.p50),
        ("p95", sample.p95 - sample.p50),
        ("p99", sample.p99 - sample.p95),
    ]


def _panel(
    title: str, bars: list[tuple[str, list[tuple[str, float]]]], colours: dict[str, str], *, offset: int
) -> Iterator[str]:
    longest = max((sum(size for _, size in pieces) for _, pieces in bars), default=0) or 1
    scale = (WIDTH - LEFT - RIGHT) / longest
    yield f"<text x='20' y='{offset + 26}'>{escape(title)}</text>"
    yield from _legend(colours, offset + 46)
    for place, (name, pieces) in enumerate(bars):
        top = offset + TOP + place * (BAR + GAP)
        yield f"<text x='20' y='{top + 18}'>{escape(name)}</text>"
        x = float(LEFT)
        for part, size in pieces:
            width = size * scale
            yield f"<rect x='{x:.1f}' y='{top}' width='{width:.1f}' height='{BAR}' fill='{colours[part]}'/>"
            x += width
        yield f"<text x='{x + 8:.1f}' y='{top + 18}'>{sum(size for _, size in pieces):.1f}</text>"


def _legend(colours: dict[str, str], y: int) -> Iterator[str]:
    for place, (name, colour) in enumerate(colours.items()):
        x = LEFT + place * LEGEND
        yield f"<rect x='{x}' y='{y - 10}' width='12' height='12' fill='{colour}'/>"
        yield f"<text x='{x + 18}' y='{y}'>{escape(name)}</text>"
