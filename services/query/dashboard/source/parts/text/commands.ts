/** Lines to paste into a terminal: in the folder of a tracker that runs here, else with its address. */

import { me } from "../../api/identity";

export function commandHere(command: string): string {
  const isDefault = location.protocol === "http:" && location.port === "8000" && ["localhost", "127.0.0.1"].includes(location.hostname);
  return isDefault ? `./${command}` : `${command} --url ${location.origin}`;
}

/** Connects a machine. Where keys are needed it has one, or the place of one. */
export function connectCommand(key = "cct_…"): string {
  return commandHere("tracker connect") + (me.value?.access === "keys" ? ` --token ${key}` : "");
}
