"""From the network's joints to a body: steady bones, smooth motion, a place in the room, rotations."""
