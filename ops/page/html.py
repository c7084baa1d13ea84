"""Elements of HTML and SVG. Text is escaped unless it is an element: nothing can be forgotten."""

from html import escape

EMPTY = frozenset({"link", "meta", "path", "rect"})  # have neither children nor an end


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def tag(name: str, /, *children: str | None, **attributes: str | float | bool | None) -> Html:
    """Return an element; None is no child and no attribute, True an attribute without a value.

    An attribute is named as in HTML, with _ for -, and `class_` for class.
    """
    given = "".join(_attribute(n, v) for n, v in attributes.items() if v not in {None, False})
    if name in EMPTY:
        return Html(f"<{name}{given}>" if name in {"link", "meta"} else f"<{name}{given}/>")
    return Html(f"<{name}{given}>{together(*children)}</{name}>")


def together(*children: str | None) -> Html:
    """Return children one after another."""
    return Html("".join(c if isinstance(c, Html) else _text(c) for c in children if c is not None))


def _text(text: str) -> str:
    """Return text without what no page may contain: control characters, halves of characters."""
    return escape("".join(c if _is_allowed(c) else "\N{REPLACEMENT CHARACTER}" for c in text))


def _is_allowed(character: str) -> bool:
    return character in "\t\n" or not (
        character < " " or "\x7f" <= character <= "\x9f" or "\ud800" <= character <= "\udfff"
    )


def _attribute(name: str, value: str | float | bool | None) -> str:
    name = name.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{_text(str(value))}"'
