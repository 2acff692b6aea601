"""Speed, with the floor beside it: `make bench` (QUALITY, “Speed”)."""
