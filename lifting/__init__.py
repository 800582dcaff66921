"""2D→3D lifting: skeletons, camera geometry, the time-indexed window, networks and their runtimes."""
