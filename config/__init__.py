"""Settings, reference data and the small vocabulary every room shares. Imports nothing of ours."""
