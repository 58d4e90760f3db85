"""Python imports this when it starts, where this folder is on its path: its clock is wrong from then on.

What measures how long something takes goes right, as on any host.
"""

import os
import time

from time_machine import escape_hatch, travel

_clock = travel(0, tick=True).start()
_clock.shift(escape_hatch.time.time() - time.time() + float(os.environ["CLOCK_IS_WRONG_BY"]))
