"""What the page can do to a run that goes on; knows nothing of browsers.

outputs.py     outputs off and on
recording.py   takes into one folder
camera.py      another source
tuning.py      options of the solver, measuring anew
robot.py       the robot's button that must be held
watch.py       what is going well or not, from frames and counters
banners.py     what is said about it
fov_check.py   whether the field of view can be right
"""
