"""Printing: PDF by Typst."""
