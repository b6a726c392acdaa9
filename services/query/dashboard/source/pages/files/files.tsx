/** Who touched this, and why: the files that were changed, or the history of one. */

import "./files.css";
import { parameter } from "../../address/address";
import { seesTexts } from "../../api/identity";
import { EmptyNote } from "../../parts/notes/empty_note";
import { FileHistory } from "./file_history";
import { FileList } from "./file_list";

export default function Files() {
  if (!seesTexts.value)
    return (
      <>
        <h1>Files</h1>
        <EmptyNote title="Your key sees numbers only.">Paths need a key with the scope “read”.</EmptyNote>
      </>
    );
  const path = parameter("path");
  return path ? <FileHistory key={path} path={path} /> : <FileList />;
}
