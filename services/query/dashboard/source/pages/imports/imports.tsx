/** Is my history in: drop files, watch them arrive, see what could not be read, and take an import back. */

import { isAdmin, mayImport, seesTexts } from "../../api/identity";
import { EmptyNote } from "../../parts/notes/empty_note";
import { DropZone } from "./drop_zone";
import { run } from "./import_run";
import "./imports.css";
import { JobList } from "./job_list";
import { RunPanel } from "./run_panel";

export default function Imports() {
  if (!mayImport.value && !seesTexts.value) {
    return (
      <>
        <header class="page-head">
          <h1>Imports</h1>
        </header>
        <EmptyNote title="Your key does not see imports.">A key with the scope ingest imports files, and sees its own imports. A key with the scope read sees all imports.</EmptyNote>
      </>
    );
  }
  return (
    <>
      <header class="page-head">
        <h1>Imports</h1>
        <span class="quiet">{isAdmin.value ? "What was imported, and how it went" : "Cancelling and undoing needs a key with the scope admin"}</span>
      </header>
      {mayImport.value && (run.value ? <RunPanel run={run.value} /> : <DropZone />)}
      <JobList />
    </>
  );
}
