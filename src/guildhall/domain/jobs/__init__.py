"""Jobs as staff see them (PRODUCT §11)."""
