"""SVG elements as safe text. Everything that is not already markup is escaped."""

from markupsafe import Markup, escape

_XML_NAMES = {"class_": "class"}


def element(name: str, *children: str, **attributes: str | float | None) -> Markup:
    """`<name attribute="...">children</name>`; an attribute that is None is left out.

    A trailing underscore is dropped and other underscores become hyphens (`class_`, `text_anchor`).
    """
    written = "".join(
        f' {_XML_NAMES.get(key, key.replace("_", "-"))}="{_value(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if not children:
        return Markup(f"<{name}{written}/>")  # noqa: S704 - names are ours, values are escaped above
    inside = "".join(str(escape(child)) for child in children)
    return Markup(f"<{name}{written}>{inside}</{name}>")  # noqa: S704 - children are escaped above


def _value(value: str | float) -> str:
    return str(escape(value)) if isinstance(value, str) else compact(value)


def compact(value: float) -> str:
    """At most one decimal: a tenth of a pixel is finer than any screen."""
    return f"{value:.1f}".removesuffix(".0")


def picture(*children: str, width: float, height: float, label: str, class_: str, is_fixed: bool = False) -> Markup:
    """A whole picture with its text alternative; it scales to the width it is given, unless its size is fixed."""
    return element(
        "svg",
        element("title", label),
        *children,
        width=width if is_fixed else None,
        height=height if is_fixed else None,
        viewBox=f"0 0 {compact(width)} {compact(height)}",
        role="img",
        class_=class_,
    )


def path(points: list[tuple[float, float]], *, closed: bool = False) -> str:
    """The `d` of a polyline."""
    text = "".join(f"{'L' if i else 'M'}{compact(x)} {compact(y)}" for i, (x, y) in enumerate(points))
    return text + "Z" if closed else text
