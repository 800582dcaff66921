"""Community benchmark data sets: readers of their files as they circulate, and one struct for all of them."""
