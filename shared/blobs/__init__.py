"""Where uploads are kept until their import is done: one door (stores.py) before a folder or a bucket. Ingest writes, the worker reads and deletes."""
