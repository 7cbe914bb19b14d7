"""What both sides of Attune share: the wire, the ledger and the errors. Imports nothing of ours."""
