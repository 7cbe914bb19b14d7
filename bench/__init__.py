"""Long runs that anyone can repeat: what breaks Attune, and how it stands it. Each has a short version in the tests."""
