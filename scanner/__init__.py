"""What is there: discovery and collection. Reads, never writes."""
