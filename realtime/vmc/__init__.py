"""The VMC protocol: what a Performer sends to a Marionette, and the commands it obeys."""
