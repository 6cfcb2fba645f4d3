"""Waits beside the supervisor and takes its place if that ends without saying goodbye.

Run as a script: `standby.py COMMAND...`. Standard input is a pipe that only the supervisor can
write to, so it ends with the supervisor, even on kill -9 and on any system. The supervisor's lock
was inherited: it is never free in between, so there are never two supervisors.
"""

import os
import sys

os.read(0, 1)
os.execv(sys.argv[1], sys.argv[1:])
