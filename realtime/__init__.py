"""Live motion capture: sources, detectors, tracking, solver, sinks, and the command line around them."""
