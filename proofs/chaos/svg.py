"""The few shapes that the report's pictures are made of."""

from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class Axis:
    """Seconds from left to right."""

    begin: float
    end: float
    left: float = 120
    right: float = 1180

    def x(self, at: float) -> float:
        share = (at - self.begin) / ((self.end - self.begin) or 1)
        return self.left + min(max(share, 0), 1) * (self.right - self.left)

    def ticks(self, most: int = 12) -> list[float]:
        """Round seconds, at most so many of them."""
        length = self.end - self.begin
        units = (m * 10**p for p in range(-3, 6) for m in (1, 2, 5))
        step = next(unit for unit in units if length / unit <= most)
        first = -(-self.begin // step) * step
        return [first + number * step for number in range(int((self.end - first) / step) + 1)]


def line(x1: float, y1: float, x2: float, y2: float, kind: str, title: str = "") -> str:
    shape = f"<line x1='{x1:.1f}' y1='{y1:.1f}' x2='{x2:.1f}' y2='{y2:.1f}' class='{kind}'"
    return _titled(shape, "line", title)


def box(x: float, y: float, width: float, height: float, kind: str, title: str = "") -> str:
    size = f"width='{max(width, 1):.1f}' height='{height:.1f}'"
    return _titled(f"<rect x='{x:.1f}' y='{y:.1f}' {size} class='{kind}'", "rect", title)


def dot(x: float, y: float, radius: float, kind: str, title: str = "") -> str:
    return _titled(f"<circle cx='{x:.1f}' cy='{y:.1f}' r='{radius}' class='{kind}'", "circle", title)


def text(x: float, y: float, words: str, kind: str = "") -> str:
    return f"<text x='{x:.1f}' y='{y:.1f}' class='{kind}'>{escape(words)}</text>"


def picture(height: float, *shapes: str, width: float = 1200) -> str:
    return f"<svg viewBox='0 0 {width:.0f} {height:.0f}' role='img'>{''.join(shapes)}</svg>"


def _titled(shape: str, name: str, title: str) -> str:
    return f"{shape}><title>{escape(title)}</title></{name}>" if title else f"{shape}/>"
