"""The eye's instructions, on x86-64 and on the Raspberry Pis' processors: ``python -m bench.instructions``."""
