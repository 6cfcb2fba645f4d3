"""The seeded airline, Coral Meridian Airways: fictional, and the same for everybody."""

from .airline import airline
from .fingerprint import DemoState, demo_state, fingerprint
from .profiles import PROFILES, SEED
from .writer import seed

__all__ = ["PROFILES", "SEED", "DemoState", "airline", "demo_state", "fingerprint", "seed"]
