"""When something is due, whether it may start, and whether this is the right network: pure decisions, no store."""
