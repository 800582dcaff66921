"""Characters of the user's, read from VRM and GLB files to be shown moving."""
