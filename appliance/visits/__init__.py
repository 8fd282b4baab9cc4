"""What people do: the use cases of an inspection, from the first paper to the sealed bundle."""
