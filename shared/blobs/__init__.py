"""Stores uploads until their import is done: one entry point (stores.py) for a folder or a bucket. Ingest writes, the worker reads and deletes."""
