"""What puts Attune on machines, and what runs a whole shop on one for a look."""
