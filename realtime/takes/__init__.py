"""Recorded motion of one person at a constant rate, and the files that animators and researchers open."""
