"""mmpose itself, in its own environment (`make mmpose`): the only room of `realtime` that knows torch."""
