import { render } from "preact";
import { followLinks } from "./address/address";
import { App } from "./shell/app";
import { listenToKeys } from "./shell/keyboard";
import { applyTheme } from "./shell/theme";
import "./style/tokens.css";
import "./style/base.css";
import "./style/shell.css";
import "./style/parts.css";
import "./style/print.css";

applyTheme();
followLinks();
listenToKeys();
const root = document.getElementById("dashboard");
if (root) render(<App />, root);
