"""Bar charts as SVG, for light and dark pages, without a library. Used by the report."""

from html import escape

_WIDTH, _LABEL, _VALUE = 820, 300, 80
_ROW, _GROUP_GAP, _TOP = 17, 26, 34
_STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #24292f }
  .title { font-weight: 600; font-size: 14px }
  .group { font-weight: 600 }
  .bar { fill: #8aa4bd } .ours { fill: #d9822b }
  @media (prefers-color-scheme: dark) { text { fill: #d0d7de } .bar { fill: #5b7894 } }
"""


def bars(title, groups):
    """Horizontal bars: `groups` is (label, [(name, value or None)]). The first name is the one that stands out."""
    largest = max((value for _, rows in groups for _, value in rows if value), default=1)
    ours = groups[0][1][0][0] if groups and groups[0][1] else ""
    y, parts = _TOP, []
    for label, rows in groups:
        y += _GROUP_GAP
        parts.append(f'<text class="group" x="8" y="{y - 8}">{escape(label)}</text>')
        for name, value in rows:
            parts.append(_row(y, name, value, largest, name == ours))
            y += _ROW
    height = y + 12
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}" '
            f'role="img" aria-label="{escape(title)}">\n<style>{_STYLE}</style>\n'
            f'<text class="title" x="8" y="20">{escape(title)}</text>\n' + "\n".join(parts) + "\n</svg>\n")


def _row(y, name, value, largest, is_ours):
    text = f'<text x="{_LABEL - 8}" y="{y + 12}" text-anchor="end">{escape(name)}</text>'
    if value is None:
        return text + f'<text x="{_LABEL}" y="{y + 12}">-</text>'
    width = max(1, round((_WIDTH - _LABEL - _VALUE) * value / largest))
    return (text + f'<rect class="{"ours" if is_ours else "bar"}" x="{_LABEL}" y="{y + 2}" width="{width}" height="{_ROW - 4}"/>'
            f'<text x="{_LABEL + width + 6}" y="{y + 12}">{value:.3g}</text>')
