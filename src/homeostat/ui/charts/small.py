"""Small pictures: sparkline, a pair of histograms, shares of a whole."""

from collections.abc import Sequence

from markupsafe import Markup

from homeostat.ui.charts.records import Limit, Role, Share
from homeostat.ui.charts.scales import Scale, spread
from homeostat.ui.charts.svg import element, path, picture

_GAP = 2.0  # pixels between shares


def sparkline(values: Sequence[float], *, label: str, limit: Limit | None = None, role: Role = "champion") -> Markup:
    """A line the height of two lines of text, with the setpoint if there is one and a dot at its end."""
    if len(values) < 2:
        return Markup("")
    width, height = 160.0, 36.0
    low, high = spread([*values, limit.value] if limit else list(values), 0.1)
    x, y = Scale(0, len(values) - 1, 2, width - 5), Scale(low, high, height - 3, 3)
    points = [(x(index), y(value)) for index, value in enumerate(values)]
    parts = [element("path", d=path(points), class_=f"line {role}")]
    if limit:
        parts.insert(0, element("path", d=f"M0 {y(limit.value):.1f}H{width:.0f}", class_="limit"))
    parts.append(element("circle", cx=points[-1][0], cy=points[-1][1], r=2.5, class_=f"dot {role}"))
    return picture(*parts, width=width, height=height, label=label, class_="spark")


def histogram_pair(reference: Sequence[float], live: Sequence[float], *, label: str) -> Markup:
    """Two histograms over the same edges as shares: the reference outlined, the live one filled.

    Args:
        reference: (bins,) counts of the reference window.
        live: (bins,) counts of the live window, same edges.
        label: text alternative.
    """
    width, height = 240.0, 64.0
    shares = [[count / (sum(counts) or 1.0) for count in counts] for counts in (reference, live)]
    top = max(max(column, default=0.0) for column in shares) or 1.0
    x, y = Scale(0, max(len(reference), 1), 1, width - 1), Scale(0, top, height - 2, 4)
    bars = [
        element("rect", x=x(index), y=y(share), width=max(x(1) - x(0) - 1, 1), height=y(0) - y(share), class_="live")
        for index, share in enumerate(shares[1])
    ]
    steps = [(x(0), y(0))]
    for index, share in enumerate(shares[0]):
        steps += [(x(index), y(share)), (x(index + 1), y(share))]
    steps.append((x(len(reference)), y(0)))
    outline = element("path", d=path(steps), class_="reference")
    return picture(*bars, outline, width=width, height=height, label=label, class_="histogram")


def share_bar(shares: Sequence[Share], *, label: str) -> Markup:
    """Parts of a whole side by side, in their given order."""
    width, height, at = 320.0, 14.0, 0.0
    parts = []
    for share in shares:
        if share.share > 0:
            long = share.share * width
            title = element("title", f"{share.label}: {100 * share.share:.3g} %")
            parts.append(
                element(
                    "rect", title, x=at, width=max(long - _GAP, 1), height=height, rx=3, class_=f"share {share.role}"
                )
            )
            at += long
    return picture(*parts, width=width, height=height, label=label, class_="share-bar")
