"""Steady output: from poses that come when they come to commands at a fixed rate that break no limit.

gate.py          which poses are believed at all
extrapolator.py  where the believed ones lead to, up to 100 ms ahead
intake.py        both, and why there may be nothing to follow
limiter.py       joints: position, velocity and acceleration within their limits at every tick
root_limiter.py  the same for the base: speeds and accelerations
deadman.py       who has armed the output, and whether they are still there
machine.py       disarmed, ramping, following, holding, stopped, emergency stop
output.py        all of it for one tick; no threads, no clock
outlet.py        a transport in a thread of its own
loop.py          the thread that ticks
control_wire.py  messages of the control port
control.py       the control port
"""
