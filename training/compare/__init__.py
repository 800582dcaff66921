"""`sealcap compare`: backbones × training methods × seeds, with equal budgets and equal tuning.

config.py     what a comparison file may say
plan.py       which cells (trainings) it needs, and which of them can run now
cell.py       one cell: train on the window bank, measure on the held-out splits
run.py        cells side by side, one process each; ray_runner.py does the same over machines
tables.py     means, spreads and paired differences
figure.py     the paired differences as a picture
report.py     both, written into the documentation
"""
