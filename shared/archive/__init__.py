"""The content of transcripts, as it is stored: segments in the archive's store, and behind them the ranges in Postgres that came last."""
