/** When in the week something happened, as a map or as a table. */

import { useState } from "preact/hooks";
import { zone } from "../../address/range";
import type { Schemas } from "../../api/answers";
import type { Reading } from "../../api/use_read";
import { minutes, withUnit } from "../../format/quantities";
import { TableSwitch } from "../charts/table_switch";
import { WEEKDAYS, WeekMap } from "../charts/week_map";
import { Loaded, Panel } from "../panel";
import { Table } from "../tables/table";

const LABEL = "Active time by weekday and hour";
const HEIGHT = 186;

const textOf = (value: number) => (value === 0 ? "nothing" : minutes(value));

export function WeekPanel({ stats }: { stats: Reading<Schemas["Stats"]> }) {
  const [isTable, setTable] = useState(false);
  return (
    <Panel title="Weekday and hour" about={`active time, ${zone.value}`} class="third" actions={<TableSwitch isTable={isTable} onChange={setTable} picture="Map" />}>
      <Loaded reading={stats} what="the hours" height={HEIGHT}>
        {(data) =>
          isTable ? (
            <div class="chart-table">
              <Table
                caption={LABEL}
                rows={data.heatmap}
                keyOf={(cell) => cell.weekday * 24 + cell.hour}
                columns={[
                  { title: "Weekday", cell: (cell) => WEEKDAYS[cell.weekday] },
                  { title: "Hour", isNumber: true, cell: (cell) => `${cell.hour} to ${cell.hour + 1}`, sortBy: (cell) => cell.hour },
                  { title: "Active time", csvTitle: withUnit("Active time", minutes), isNumber: true, cell: (cell) => textOf(cell.active_minutes), sortBy: (cell) => cell.active_minutes },
                ]}
              />
            </div>
          ) : (
            <WeekMap label={LABEL} cells={data.heatmap.map((cell) => ({ ...cell, value: cell.active_minutes }))} textOf={textOf} />
          )
        }
      </Loaded>
    </Panel>
  );
}
