"""The hooks of Claude Code by `hook_event_name`: which of them the tracker keeps, and which it only counts.

Ingest puts the kept ones on the journal; the worker makes rows of them. A hook of a kind that is not listed leaves names of kind and fields there
now and then, for the worker to count as unread. Else it is counted as OTHER and dropped.
"""

from typing import Final

KEPT: Final = frozenset(
    {
        "SessionStart",
        "SessionEnd",
        "UserPromptSubmit",
        "PreToolUse",
        "PermissionRequest",
        "PermissionDenied",
        "PostToolUse",
        "PostToolUseFailure",
        "PostToolBatch",
        "Stop",
        "StopFailure",
        "SubagentStart",
        "SubagentStop",
        "PreCompact",
        "PostCompact",
        "Notification",
        "Elicitation",
        "ElicitationResult",
        "CwdChanged",
        "WorktreeCreate",
        "WorktreeRemove",
        "PostModelSwitch",
    }
)
# Nothing is made of these. Some come many times a second: MessageDisplay has each piece of a reply.
DROPPED: Final = frozenset(
    {
        "Setup",
        "UserPromptExpansion",
        "TaskCreated",
        "TaskCompleted",
        "TeammateIdle",
        "ConfigChange",
        "FileChanged",
        "DirectoryAdded",
        "InstructionsLoaded",
        "MessageDisplay",
        "PreModelSwitch",
        "PreSkillShellCommand",
        # `tracker doctor` sends it.
        "TrackerTest",
    }
)
# The metric's label for kinds that are not known, so that senders cannot make labels.
OTHER: Final = "other"
