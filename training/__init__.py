"""Training of the lifter: motion corpora, virtual cameras, detector noise, losses, metrics, trainer."""
