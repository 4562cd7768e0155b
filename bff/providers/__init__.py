"""OUTSIDE: vendors that answer, one file each. The table of them: wiring/vendors.py."""
