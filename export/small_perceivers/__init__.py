"""Small Perceivers trained from scratch on small public sets: digits seen, digits heard, both, and sound events."""
