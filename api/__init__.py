"""Faces: JSON, pages and the command line."""
