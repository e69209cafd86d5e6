"""HTML as a browser's parser makes it (the standard's, fully followed): what came to be an element, and what text."""

from collections.abc import Iterator
from typing import Any

from justhtml import JustHTML

Tag = tuple[int, str, tuple[tuple[str, str], ...]]
"""How deep it lies, its name, its attributes."""


def tags(html: str, *, scripting: bool = True) -> list[Tag]:
    """Every element, comment and declaration of the page, in order; text is left out, but for that of styles."""
    return list(_walk(JustHTML(html, sanitize=False, scripting_enabled=scripting).root, 0))


def texts(html: str) -> list[str]:
    """Every piece of text that a reader sees, with entities resolved."""
    return [text for text in _texts(JustHTML(html, sanitize=False).root) if text.strip()]


def _walk(node: Any, depth: int) -> Iterator[Tag]:
    if node.name == "#text":
        return
    yield depth, node.name, tuple(sorted((name, str(value)) for name, value in (node.attrs or {}).items()))
    for child in _children(node):
        yield from _walk(child, depth + 1)


def _children(node: Any) -> list[Any]:
    inside = getattr(node, "template_content", None)
    return [*(node.children or []), *([] if inside is None else [inside])]


def _texts(node: Any) -> Iterator[str]:
    if node.name == "#text":
        yield node.data
    for child in _children(node):
        if child.name not in ("style", "script"):
            yield from _texts(child)
