"""How a node takes a signed release into its other slot, and goes back by itself where it does not do well."""
