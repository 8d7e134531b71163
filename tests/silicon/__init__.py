"""Parts that no emulator at hand models, as their manuals describe them: see ``chip.py``.

One file per family.  What is in these files was read in reference manuals and data sheets, which they cite, and
not in ``firmware/hal`` or ``boards``: the two are held against each other by ``test_silicon.py``.  ``debug.py`` is the
debug port of a part, through which real flash tools load it: ``test_flash_parts.py``.
"""
