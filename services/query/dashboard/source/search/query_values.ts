/** Values for filters that the tracker knows already: one small read each, at the first use. */

import { seesTexts } from "../api/identity";
import { useRead } from "../api/use_read";
import { projectName } from "../format/names";

/** Those of the `key` that is typed. */
export function useQueryValues(key: string | null): string[] {
  const asked = seesTexts.value ? key : null;
  const projects = useRead(asked === "project" ? "/api/usage" : null, { group_by: "project" });
  const users = useRead(asked === "user" ? "/api/users" : null);
  const machines = useRead(asked === "machine" ? "/api/machines" : null, { limit: 200 });
  const branches = useRead(asked === "branch" ? "/api/usage" : null, { group_by: "branch" });
  const tools = useRead(asked === "tool" ? "/api/tool-calls/stats" : null);
  const known: Record<string, readonly (string | null | undefined)[] | undefined> = {
    project: projects.data?.items.map((item) => item.project_name && projectName(item.project_id, item.project_name)),
    user: users.data?.items.map((item) => item.name),
    machine: machines.data?.items.map((item) => item.name ?? item.machine_id),
    branch: branches.data?.items.map((item) => item.branch),
    tool: tools.data?.tools.map((item) => item.tool_name),
  };
  return [...new Set(known[key ?? ""]?.filter((value): value is string => !!value))];
}
