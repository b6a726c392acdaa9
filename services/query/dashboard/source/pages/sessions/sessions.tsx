/** The list of sessions, or one of them. */

import { Suspense, lazy } from "preact/compat";
import { parts } from "../../address/address";
import { SessionList } from "./session_list";

const Session = lazy(() => import("../session/session"));

export default function Sessions() {
  const id = parts.value[1];
  if (id === undefined) return <SessionList />;
  return (
    <Suspense fallback={<div class="outline" role="status">Loading the page …</div>}>
      <Session key={id} id={id} />
    </Suspense>
  );
}
