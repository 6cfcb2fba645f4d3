"""The commands of the documentation run as they stand, and give what it shows."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest

from tests.live import REPO, App

EXAMPLE = re.compile(r"```sh\n(.*?)```\n(?:```json\n(.*?)```\n)?", re.DOTALL)
PYTHON = ".venv/bin/python"
PORT = "http://127.0.0.1:8501"
LISTS = {"values", "instances", "actions", "warnings", "categories", "keys"}


def run(live: App, script: str, **env: str) -> str:
    """What a shell says to it, once it has ended well."""
    made = script.replace(PYTHON, sys.executable).replace(PORT, live.url)
    ended = subprocess.run(
        ["bash", "-euc", made], cwd=REPO, env={**live.env, "PATH": os.environ["PATH"], **env},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def alike(found: Any, shown: Any, at: str) -> None:
    """The same fields, of the same kinds where both have a value; a list and a table of names as far as shown."""
    if isinstance(shown, dict) and at.rpartition(".")[2] not in LISTS:
        assert found.keys() == shown.keys(), at
        for key in shown:
            alike(found[key], shown[key], f"{at}.{key}")
    elif isinstance(shown, list) and shown:
        alike(found[0], shown[0], f"{at}[0]")
    elif found is not None and shown is not None and type(found) is not type(shown):
        assert {type(found), type(shown)} == {int, float}, at


@pytest.fixture(scope="module")
def examples() -> list[tuple[str, str]]:
    return EXAMPLE.findall((REPO / "docs" / "api.md").read_text(encoding="utf-8"))


def test_the_examples_of_the_api_run_as_they_stand(live: App, examples: list[tuple[str, str]]) -> None:
    """“Shows it works” 2, in the order in which somebody reads them."""
    first, *rest = examples
    assert "token create" in first[0] and len(rest) == 9
    secret = run(live, f"{first[0]}\necho; echo $TOKEN").splitlines()[-1]
    live.http.post("/api/cache/warm").raise_for_status()  # whatever tests before have dropped
    for script, shown in rest:
        found = json.loads(run(live, script, TOKEN=secret))
        alike(found, json.loads(shown), "")
        if "success" in found:
            assert found["success"] == json.loads(shown)["success"], found


def test_the_commands_of_the_readme_run_as_they_stand(live: App) -> None:
    """What a visitor copies first."""
    text = (REPO / "README.md").read_text(encoding="utf-8")
    [block] = [each for each in re.findall(r"(?:^    .+\n)+", text, re.MULTILINE) if "/api/" in each]
    lines = [line.strip() for line in block.splitlines()]
    assert lines[0].startswith("TOKEN=") and all(line.startswith("curl -s") for line in lines[1:])
    said = run(live, f"{lines[0]}\n" + "\n".join(f"{line}; echo" for line in lines[1:])).splitlines()
    answers = [json.loads(line) for line in said]
    assert [answer.get("success") for answer in answers] == [None, True, True]
    assert answers[0]["pilots"]["active"] == 362
    assert answers[2]["wouldInvalidate"] == len(answers[2]["values"])
