"""Commands about the program itself: open it, where its servers are, what is set."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click

from fleetcache import embedded
from fleetcache.servers import checked
from fleetcache.settings import Settings, load

APP = Path(__file__).parents[2] / "app.py"


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def serve(arguments: tuple[str, ...]) -> None:
    """Open the dashboards; further arguments go to streamlit run."""
    sys.exit(subprocess.call([sys.executable, "-m", "streamlit", "run", str(APP), *arguments]))


@click.command("urls")
@click.pass_obj
def show_urls(settings: Settings) -> None:
    """The URLs of the servers in use, for psql and redis-cli."""
    checked(settings)
    running = None
    if settings.database_url is None or settings.redis_url is None:
        running = embedded.running(settings.home)
    database = settings.database_url or (running.database_url if running else None)
    owner = settings.database_url or (running.owner_url if running else None)
    redis = settings.redis_url or (running.redis_url if running else None)
    for name, url in (("DATABASE_URL", database), ("OWNER_URL", owner), ("REDIS_URL", redis)):
        click.echo(f"{name}={url}" if url else f"# {name}: nothing runs in {settings.home}")
    if database is None and redis is None:
        raise click.ClickException("Nothing runs. Start the dashboards: streamlit run app.py")


@click.command("settings")
def show_settings() -> None:
    """Every setting, its value and where it came from; secrets masked."""
    chosen, origins, _warnings = load()
    for origin in origins:
        click.echo(f"{origin.name}={origin.value}  ({origin.source})  {origin.description}")
    checked(chosen)
