"""How the benchmarks show what they measured: tables and verdicts for people, a chart for whoever would rather look."""

from dataclasses import dataclass
from xml.sax.saxutils import escape

ROW, LABEL, WIDTH = 18, 260, 560


@dataclass
class Verdict:
    claim: str
    measured: float
    bound: float
    is_at_most: bool = False

    def is_met(self) -> bool:
        return self.measured <= self.bound if self.is_at_most else self.measured >= self.bound

    def line(self, width: int) -> str:
        word = "at most" if self.is_at_most else "at least"
        return f"{'met' if self.is_met() else 'missed':<6}  {self.claim:<{width}}  {self.measured:6.2f}  {word} {self.bound:.2f}"


def verdict_lines(verdicts: list[Verdict]) -> str:
    width = max((len(each.claim) for each in verdicts), default=0)
    return "".join(each.line(width) + "\n" for each in verdicts)


def table(head: list[str], rows: list[list[str]]) -> str:
    """The first column to the left, all others to the right."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    return "".join(
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))]) + "\n"
        for row in [head, *rows]
    )


def bars(title: str, groups: list[tuple[str, list[tuple[str, float, bool]]]], unit: str) -> str:
    """An SVG: groups of bars with a name, a value, and whether it is ours."""
    largest = max((value for _, each in groups for _, value, _ in each), default=1) or 1
    lines, y = [f'<text x="10" y="22" font-size="16">{escape(title)}</text>'], 40
    for name, each in groups:
        y += ROW
        lines.append(f'<text x="10" y="{y}" font-weight="bold">{escape(name)}</text>')
        for label, value, is_ours in each:
            y += ROW
            length = max(1, value / largest * WIDTH)
            colour = "#0b6e4f" if is_ours else "#9aa5b1"
            lines.append(f'<text x="{LABEL - 8}" y="{y}" text-anchor="end">{escape(label)}</text>')
            lines.append(f'<rect x="{LABEL}" y="{y - 12}" width="{length:.1f}" height="14" fill="{colour}"/>')
            lines.append(f'<text x="{LABEL + length + 6:.1f}" y="{y}">{value:.3g} {escape(unit)}</text>')
        y += ROW // 2
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LABEL + WIDTH + 120}" height="{y + 20}" '
        'font-family="sans-serif" font-size="12">'
    )
    return "\n".join([head, '<rect width="100%" height="100%" fill="white"/>', *lines, "</svg>"]) + "\n"
