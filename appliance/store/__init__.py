"""SQLite stores: one file an inspection, and ``appliance.db`` as the index over them."""
