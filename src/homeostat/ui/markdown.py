"""Markdown as HTML that may stand on a page: tags in the text are shown, not obeyed, and links cannot run anything."""

from functools import cache

from markdown_it import MarkdownIt


def as_html(text: str) -> str:
    """CommonMark with tables; safe, whatever the text holds. Images are links to them: a page fetches from nowhere else."""
    return str(_parser().render(text)) if text.strip() else ""


@cache
def _parser() -> MarkdownIt:
    # js-default escapes HTML; links are checked for their scheme by the parser itself.
    return MarkdownIt("js-default", {"html": False, "linkify": False}).disable("image")
