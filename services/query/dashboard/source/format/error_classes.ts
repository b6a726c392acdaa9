/** Why tool calls failed, in words. docs/how-to/tool-errors.md has the same classes. A tracker may have rules of its own: their names are shown as they are. */

const CLASSES: Record<string, { label: string; definition: string }> = {
  command_failed: { label: "Command failed", definition: "A command failed, and its output says no more." },
  test_failed: { label: "Test failed", definition: "Tests ran, and some failed." },
  build_failed: { label: "Build failed", definition: "A compiler, linter or type checker objected." },
  command_not_found: { label: "Command not found", definition: "The command is not installed." },
  git_refused: { label: "Git refused", definition: "Git refused: conflicts, ignored paths, no upstream branch." },
  file_not_found: { label: "File not found", definition: "The file or folder is not there." },
  file_too_large: { label: "File too large", definition: "It would read more than Claude Code allows." },
  edit_not_matched: { label: "Edit did not match", definition: "The text to edit is not in the file, or is there several times." },
  file_not_read: { label: "File not read first", definition: "The file to edit was not read before." },
  file_changed: { label: "File changed since", definition: "The file to edit has changed since it was read." },
  invalid_input: { label: "Invalid input", definition: "Parameters that the tool does not take, or names of what does not exist." },
  permission: { label: "Permission denied", definition: "Denied by settings, by auto mode or by the system." },
  rejected: { label: "Rejected by the person", definition: "A person said no. It does not count as failed in the error rate." },
  interrupted: { label: "Interrupted", definition: "A person or the end of the session interrupted it." },
  sibling_failed: { label: "Not run: another failed", definition: "It was not run, since a call beside it failed." },
  hook_blocked: { label: "Blocked by a hook", definition: "A hook blocked it." },
  timeout: { label: "Timed out", definition: "It took too long." },
  network: { label: "Network", definition: "A server was not reached, or refused." },
  mcp: { label: "MCP server", definition: "It failed in an MCP server." },
  other: { label: "Other", definition: "It failed, and no rule says why." },
  unclassified: { label: "Not classified", definition: "Stored before there were classes." },
};

export function errorClassLabel(name: string): string {
  return CLASSES[name]?.label ?? name.replaceAll("_", " ");
}

export function errorClassDefinition(name: string): string {
  return CLASSES[name]?.definition ?? "A rule of this tracker's own says so.";
}
