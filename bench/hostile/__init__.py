"""What somebody who means harm would send, and what became of it: ``make hostile``."""
