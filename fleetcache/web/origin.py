"""Whether one of our own pages asks: any page in the same browser would have the cookie sent along."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import HTTPConnection


def same_origin(connection: HTTPConnection) -> bool:
    """By what the browser says of the page that asks; False where it says nothing."""
    site = connection.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    return "origin" in connection.headers and names_host(connection, connection.headers["origin"])


def names_host(connection: HTTPConnection, url: str) -> bool:
    """Whether a URL is on the host and port that was asked."""
    host = connection.headers.get("host", "")
    try:
        return host != "" and urlsplit(url).netloc == host
    except ValueError:
        return False
