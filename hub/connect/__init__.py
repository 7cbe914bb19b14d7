"""The way in for other systems: what they may read, and what they are told. All of it off until the owner says so."""
