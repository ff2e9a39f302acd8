"""Sound for `stream-health`: recordings, what a microphone and a camera do to them, damage, and its truth."""
