"""What is provided to the subscribers of tenants."""
