-- What Claude Code counts of the prompt cache, as its newest status line of a session has it: PromptCache of shared/events/readings.py. NULL: it said nothing.
ALTER TABLE status_lines ADD COLUMN IF NOT EXISTS prompt_cache jsonb;
