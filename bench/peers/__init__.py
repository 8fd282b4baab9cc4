"""The other side of a comparison, shared by the benches that measure against it."""
