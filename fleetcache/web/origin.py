"""Whether one of our own pages asks: any page in the same browser would have the cookie sent along."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import HTTPConnection


def same_origin(connection: HTTPConnection) -> bool:
    """By what the browser says of the page that asks; False where it says nothing."""
    sites = connection.headers.getlist("sec-fetch-site")
    if sites:
        return set(sites) == {"same-origin"}
    origins = connection.headers.getlist("origin")
    return origins != [] and all(names_host(connection, origin) for origin in origins)


def names_host(connection: HTTPConnection, url: str) -> bool:
    """Whether a URL is on the one host and port that was asked."""
    hosts = connection.headers.getlist("host")
    try:
        return hosts == [urlsplit(url).netloc] and hosts != [""]
    except ValueError:
        return False
