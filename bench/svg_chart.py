"""Line charts as SVG text: linear or logarithmic axes with titles and ticks, a grid, a legend; nothing else needed."""

import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 890, 460
LEFT, RIGHT, TOP, BOTTOM = 72, 250, 48, 64   # margins of the plotted area; the legend stands in the right one
FONT = "font-family='sans-serif'"


def grouped(value):
    """12 000 for 12000; small values keep what they need of a fraction."""
    if value >= 1000:
        return f"{value:,.0f}".replace(",", "\u202f")
    return f"{value:g}"


class Axis:
    """Maps values to 0 … 1. The range covers all values and ends on ticks."""

    def __init__(self, title, values, logarithmic=False):
        self.title = title
        self.logarithmic = logarithmic
        values = list(values)
        self.ticks = log_ticks(min(values), max(values)) if logarithmic else linear_ticks(max(values))
        self.low, self.high = self.ticks[0], self.ticks[-1]

    def share(self, value):
        if self.logarithmic:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


def linear_ticks(highest):
    """From 0 in steps of 1, 2 or 5 times a power of ten, 5 to 10 of them."""
    highest = highest if highest > 0 else 1
    power = 10 ** math.floor(math.log10(highest))
    step = next(step for step in (0.1 * power, 0.2 * power, 0.5 * power, power, 2 * power) if highest / step <= 10)
    return [step * index for index in range(math.ceil(highest / step - 1e-9) + 1)]


def log_ticks(lowest, highest):
    """1, 2, 5 of each decade up to three decades, powers of ten beyond; at least two ticks."""
    steps = (1, 2, 5) if highest / lowest <= 1000 else (1,)
    decades = range(math.floor(math.log10(lowest)) - 1, math.ceil(math.log10(highest)) + 2)
    candidates = [step * 10.0 ** decade for decade in decades for step in steps]
    first = max(index for index, tick in enumerate(candidates) if tick <= lowest * (1 + 1e-9))
    last = min(index for index, tick in enumerate(candidates) if tick >= highest * (1 - 1e-9))
    return candidates[first:max(last, first + 1) + 1]


class Chart:
    def __init__(self, title, x_title, y_title, log_x=False, log_y=False):
        self.title = title
        self.x_title, self.y_title = x_title, y_title
        self.log_x, self.log_y = log_x, log_y
        self.lines = []

    def add(self, label, points, color, dashed=False):
        if points:
            self.lines.append((label, sorted(points), color, dashed))

    def render(self):
        if not self.lines:
            raise ValueError("a chart without lines")
        every = [point for _, points, _, _ in self.lines for point in points]
        x_axis = Axis(self.x_title, (x for x, _ in every), self.log_x)
        y_axis = Axis(self.y_title, (y for _, y in every), self.log_y)
        parts = [f"<svg xmlns='http://www.w3.org/2000/svg' width='{WIDTH}' height='{HEIGHT}' "
                 f"viewBox='0 0 {WIDTH} {HEIGHT}' {FONT} font-size='12'>",
                 f"<title>{escape(self.title)}</title>", f"<rect width='{WIDTH}' height='{HEIGHT}' fill='white'/>",
                 f"<text x='{LEFT}' y='28' font-size='15' font-weight='bold'>{escape(self.title)}</text>",
                 *x_marks(x_axis), *y_marks(y_axis)]
        for index, (label, points, color, dashed) in enumerate(self.lines):
            parts += line(points, x_axis, y_axis, color, dashed)
            parts += legend_entry(index, label, color, dashed)
        return "\n".join([*parts, "</svg>", ""])

    def write(self, path):
        path.write_text(self.render(), encoding="utf-8")


def x_at(axis, value):
    return round(LEFT + axis.share(value) * (WIDTH - LEFT - RIGHT), 1)


def y_at(axis, value):
    return round(HEIGHT - BOTTOM - axis.share(value) * (HEIGHT - TOP - BOTTOM), 1)


def x_marks(axis):
    bottom = HEIGHT - BOTTOM
    for tick in axis.ticks:
        x = x_at(axis, tick)
        yield f"<line x1='{x}' y1='{TOP}' x2='{x}' y2='{bottom}' stroke='#e0e0e0'/>"
        yield f"<text x='{x}' y='{bottom + 18}' text-anchor='middle'>{grouped(tick)}</text>"
    yield f"<line x1='{LEFT}' y1='{bottom}' x2='{WIDTH - RIGHT}' y2='{bottom}' stroke='black'/>"
    middle = (LEFT + WIDTH - RIGHT) / 2
    yield f"<text x='{middle}' y='{HEIGHT - 18}' text-anchor='middle'>{escape(axis.title)}</text>"


def y_marks(axis):
    for tick in axis.ticks:
        y = y_at(axis, tick)
        yield f"<line x1='{LEFT}' y1='{y}' x2='{WIDTH - RIGHT}' y2='{y}' stroke='#e0e0e0'/>"
        yield f"<text x='{LEFT - 8}' y='{y + 4}' text-anchor='end'>{grouped(tick)}</text>"
    yield f"<line x1='{LEFT}' y1='{TOP}' x2='{LEFT}' y2='{HEIGHT - BOTTOM}' stroke='black'/>"
    middle = (TOP + HEIGHT - BOTTOM) / 2
    yield (f"<text x='18' y='{middle}' text-anchor='middle' transform='rotate(-90 18 {middle})'>"
           f"{escape(axis.title)}</text>")


def stroke(color, dashed):
    return f"stroke='{color}' stroke-width='2' fill='none'" + (" stroke-dasharray='6 4'" if dashed else "")


def line(points, x_axis, y_axis, color, dashed):
    places = [(x_at(x_axis, x), y_at(y_axis, y)) for x, y in points]
    yield f"<polyline points='{' '.join(f'{x},{y}' for x, y in places)}' {stroke(color, dashed)}/>"
    for x, y in places:
        yield f"<circle cx='{x}' cy='{y}' r='3' fill='{color}'/>"


def legend_entry(index, label, color, dashed):
    x, y = WIDTH - RIGHT + 18, TOP + 12 + 22 * index
    yield f"<line x1='{x}' y1='{y}' x2='{x + 30}' y2='{y}' {stroke(color, dashed)}/>"
    yield f"<text x='{x + 38}' y='{y + 4}'>{escape(label)}</text>"
