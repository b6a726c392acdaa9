"""Names of the error classes that failed tool calls always can have. Rules of an operator (TRACKER_ERROR_CLASSES) may give others."""

from typing import Final

# Those that the worker's own rules give (services/worker/persist/error_classes.toml), a failure without a rule, and one stored before there were rules.
ERROR_CLASS_NAMES: Final = frozenset(
    {
        "build_failed", "command_failed", "command_not_found", "edit_not_matched", "file_changed", "file_not_found", "file_not_read", "file_too_large",
        "git_refused", "hook_blocked", "interrupted", "invalid_input", "mcp", "network", "permission", "rejected", "sibling_failed", "test_failed",
        "timeout", "other", "unclassified",
    }
)  # fmt: skip
