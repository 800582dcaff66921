"""Measuring a camera with a printed board: board, print, views, fit, advice."""
