"""The protocol holds in thousands of drawn situations, and a broken one is found out in a few."""

from __future__ import annotations

import pytest

from tests.freshness.simulator import BROKEN, SOUND, Variant, Verdict, schedules


def total(seeds: range, *, strict: bool) -> Verdict:
    whole = Verdict()
    for verdict in schedules(SOUND, seeds, strict=strict):
        whole.served += verdict.served
        whole.flagged += verdict.flagged
        whole.old += verdict.old
        whole.worst = max(whole.worst, verdict.worst)
    return whole


@pytest.mark.parametrize(("strict", "seeds"), [(False, range(80)), (True, range(20))])
def test_no_read_is_older_than_the_bound(strict: bool, seeds: range) -> None:
    """Nor is the way out to flag everything."""
    found = total(seeds, strict=strict)
    assert found.served > 10_000
    assert found.old == 0, found
    assert found.flagged < 0.05 * found.served, found


@pytest.mark.parametrize("variant", BROKEN, ids=lambda variant: str(variant.name))
def test_a_broken_protocol_is_caught(variant: Variant) -> None:
    """A checker that lets one of these pass would prove nothing of the sound one either."""
    assert any(verdict.old for verdict in schedules(variant, range(60)))


@pytest.mark.slow
@pytest.mark.parametrize("strict", [False, True])
def test_no_read_is_older_than_the_bound_in_many_more(strict: bool) -> None:
    found = total(range(1000, 3000 if not strict else 1600), strict=strict)
    assert found.old == 0, found
