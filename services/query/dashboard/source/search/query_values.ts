/** Values for filters that the tracker knows already: one small read each, at the first use. */

import { seesTexts } from "../api/identity";
import { useRead } from "../api/use_read";
import { projectName } from "../format/names";

type Known = (key: string) => readonly string[];

/** Reads only what the `key` that is typed needs. */
export function useQueryValues(key: string | null): Known {
  const asked = seesTexts.value ? key : null;
  const projects = useRead(asked === "project" ? "/api/usage" : null, { group_by: "project" });
  const users = useRead(asked === "user" ? "/api/users" : null);
  const machines = useRead(asked === "machine" ? "/api/machines" : null, { limit: 200 });
  const branches = useRead(asked === "branch" ? "/api/usage" : null, { group_by: "branch" });
  const tools = useRead(asked === "tool" ? "/api/tool-calls/stats" : null);
  return (name) => {
    switch (name) {
      case "project":
        return distinct(projects.data?.items.map((item) => item.project_name && projectName(item.project_id, item.project_name)));
      case "user":
        return distinct(users.data?.items.map((item) => item.name));
      case "machine":
        return distinct(machines.data?.items.map((item) => item.name ?? item.machine_id));
      case "branch":
        return distinct(branches.data?.items.map((item) => item.branch));
      case "tool":
        return distinct(tools.data?.tools.map((item) => item.tool_name));
      default:
        return [];
    }
  };
}

function distinct(values: readonly (string | null | undefined)[] = []): string[] {
  return [...new Set(values.filter((value): value is string => !!value))];
}
