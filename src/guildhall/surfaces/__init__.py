"""The hosts people and machines speak to.

Thin: parse, call the domain, render; surfaces never import each other.
"""
