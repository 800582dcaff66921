"""Ways from the steady output to robots and programs."""
