"""Prove it (rule 11): canary frames go through the real eye and courier, and everything they touched is searched."""
