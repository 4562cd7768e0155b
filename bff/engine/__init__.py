"""ENGINE: one chat request from first try to last chunk; knows the world only as ports."""
