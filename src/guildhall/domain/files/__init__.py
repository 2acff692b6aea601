"""Files: what is written once, checked by its hash, and gone when its time is over."""
