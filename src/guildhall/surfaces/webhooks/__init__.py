"""Pages of webhook endpoints, for the surfaces on which somebody looks after them."""
