"""``make faults``: what is done to a shop, and an exact count of what it lost. The page is ``docs/faults.md``."""
