"""What `deploy/install-node` and `deploy/install-hub` are made of.

Standard library only: it runs before anything is there.
"""
