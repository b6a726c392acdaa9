/** Erases a person. A session and a project are erased on their pages. */

import { useSignal } from "@preact/signals";
import { Erase } from "../../parts/erase";
import { Panel } from "../../parts/panel";

export function ErasePerson() {
  const name = useSignal("");
  return (
    <Panel title="Erase a person" about="sessions and projects are erased on their pages" class="erase">
      <p>
        <input class="input" aria-label="The person's name" placeholder="Name, as lists show it" value={name.value} onInput={(event) => (name.value = event.currentTarget.value)} />{" "}
        <Erase what={{ user: name.value }} name={name.value} title={name.value} about="a person, with all sessions" next={["/overview", "Go to the overview"]} />
      </p>
    </Panel>
  );
}
