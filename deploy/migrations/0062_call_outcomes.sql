-- What came of a call: commits, pull requests and runs of tests (CallOutcome of shared/claude_formats/call_outcome.py). It is derived when the result
-- arrives, and stays when texts are dropped. NULL: nothing came of it.

ALTER TABLE tool_calls ADD COLUMN IF NOT EXISTS outcome json;
