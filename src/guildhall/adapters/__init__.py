"""The outside: each adapter fills a port that the domain names, and has a twin that reaches nothing."""
