"""ROOF: the world outside, speaking the real wire formats, with faults on demand."""
