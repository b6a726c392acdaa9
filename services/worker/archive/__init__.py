"""The archive of transcripts: their content in segments, each in the store under the hash of its content."""
