"""Imported last by the forkserver: nothing that was loaded until now is garbage, so no child need look through it.

Without it the first collection of a child touches, and so copies, most pages that it shares with its parent
(https://docs.python.org/3/library/gc.html#gc.freeze).
"""

from __future__ import annotations

import gc

gc.collect()
gc.freeze()
