"""Made-up worlds: the demo that people look around in, and large ones to measure speed against."""
