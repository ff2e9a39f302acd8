"""The default model of Percept, `stream-health`: its clip, its network, its corpus and its scores."""
