/** Who and what in a project: files, people, models, branches. */

import { chosen, pageAddress, rangeQuery, toggled } from "../../address/filters";
import type { Schemas } from "../../api/answers";
import { type Reading, useRead } from "../../api/use_read";
import { measure } from "../../format/measures";
import { NOT_KEPT, modelName, personName } from "../../format/names";
import { count, moneyOf, plural } from "../../format/quantities";
import { exactTime } from "../../format/times";
import { Bars } from "../../parts/charts/bar_list";
import { Loaded, Panel } from "../../parts/panel";

type Stats = Reading<Schemas["Stats"]>;

const HEIGHT = 240;

export function FilesPanel({ stats, id, path }: { stats: Stats; id: string; path: string | null }) {
  return (
    <Panel title="Files with the most changes" about="changes, lines added and removed" class="half" actions={<a href={pageAddress("/files", { project: id })}>All files</a>}>
      <Loaded reading={stats} what="the files" height={300}>
        {(data) => (
          <Bars
            label="Files by changes"
            most={12}
            bars={data.top_files.map((file, index) => ({
              key: file.file_path ?? index,
              label: shortPath(file.file_path, path),
              title: `${file.file_path ?? ""}\nLast: ${exactTime(file.last_touched)}`,
              value: file.touches,
              text: `${count(file.touches)} · +${count(file.lines_added)} −${count(file.lines_removed)}`,
              href: file.file_path ? pageAddress("/files", { project: id, path: file.file_path }) : undefined,
            }))}
          />
        )}
      </Loaded>
    </Panel>
  );
}

/** Below the project's folder, what all of its files begin with is left out. */
function shortPath(file: string | null, project: string | null): string {
  if (!file) return "unknown file";
  return project && file.startsWith(project) ? file.slice(project.length).replace(/^[\\/]/, "") : file;
}

export function PeoplePanel({ stats }: { stats: Stats }) {
  const { short } = measure("active_minutes");
  return (
    <Panel title="People" about="active time" class="third">
      <Loaded reading={stats} what="the people" height={HEIGHT}>
        {(data) => (
          <Bars
            label="People by active time"
            bars={data.users.map((user) => ({
              key: user.user ?? "none",
              label: personName(user.user),
              title: `${plural(user.active_sessions, "session")}, ${measure("cost_usd").exact(moneyOf(user.cost_usd, user))}`,
              value: user.active_minutes,
              text: short(user.active_minutes),
              href: toggled("user", user.user),
              isChosen: user.user !== null && user.user === chosen.value.user,
            }))}
          />
        )}
      </Loaded>
    </Panel>
  );
}

export function ModelsPanel({ id }: { id: string }) {
  const usage = useRead("/api/usage", { ...rangeQuery(["user", "machine"]), project_id: id, group_by: "model" });
  const { short } = measure("cost_usd");
  return (
    <Panel title="Models" about="cost" class="third" actions={<a href={pageAddress("/usage", { project: id })}>Usage</a>}>
      <Loaded reading={usage} what="the models" height={HEIGHT}>
        {(data) => (
          <Bars
            label="Models by cost"
            bars={data.items.map((item) => ({
              key: item.model ?? "none",
              label: modelName(item.model),
              value: item.cost_usd,
              text: short(moneyOf(item.cost_usd, item)),
              href: item.model ? pageAddress("/usage", { project: id, model: item.model }) : undefined,
            }))}
            isUnknownShown
          />
        )}
      </Loaded>
    </Panel>
  );
}

export function BranchesPanel({ id }: { id: string }) {
  const usage = useRead("/api/usage", { ...rangeQuery(["user", "machine"]), project_id: id, group_by: "branch" });
  const { short } = measure("active_minutes");
  return (
    <Panel title="Branches" about="active time" class="third">
      <Loaded reading={usage} what="the branches" height={HEIGHT}>
        {(data) => (
          <Bars
            label="Branches by active time"
            bars={data.items.map((item) => ({
              key: `${item.branch} ${item.is_kept}`,
              label: item.is_kept === false ? NOT_KEPT : (item.branch ?? "no branch is known"),
              title: `${plural(item.active_sessions, "session")}, ${measure("cost_usd").exact(moneyOf(item.cost_usd, item))}`,
              value: item.active_minutes,
              text: short(item.active_minutes),
              href: item.branch ? pageAddress("/sessions", { project: id, branch: item.branch }) : undefined,
            }))}
          />
        )}
      </Loaded>
    </Panel>
  );
}
