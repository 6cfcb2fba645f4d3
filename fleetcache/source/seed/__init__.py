"""The seeded airline, Coral Meridian Airways: fictional, and the same for everybody."""

from .profiles import PROFILES, SEED
from .state import DemoState, demo_state, fingerprint
from .writer import seed

__all__ = ["PROFILES", "SEED", "DemoState", "demo_state", "fingerprint", "seed"]
