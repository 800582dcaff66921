"""2D networks and the demo clip: what there is, where it comes from, where it lies."""
