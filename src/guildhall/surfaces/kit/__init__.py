"""Layout, components, words and numbers that the three server-rendered surfaces share. No queries here."""
