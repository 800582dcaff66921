"""A collection of videos into sessions and files: on all cores of this machine, or on a ray cluster."""
