// Starts the page, reads its address, and shows what it asks for.

import { get } from "./api.js";
import { showArtifact } from "./artifact.js";
import { h, problem, put } from "./dom.js";
import { followTheme, leave, airflowUrl, place, setPlace, showOutside } from "./frame.js";
import { showList } from "./list.js";

const top = document.getElementById("top");
const content = document.getElementById("content");
let session;
let stopShowing = () => {};

/** Go to another part of the page. */
export function go(parameters) {
  setPlace(parameters);
  show({ moveFocus: true });
}

/** Make a link within the page. */
function linkTo(parameters, attributes, ...children) {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value));
  const follow = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go(parameters);
  };
  return h("a", { href: `?${query}`, ...attributes, on: { click: follow } }, ...children);
}

function showTop(connection, artifact) {
  const home = linkTo({ repository: connection }, { class: "home", "aria-current": artifact ? false : "page" }, "Artifacts");
  const trail = artifact && [h("span", { class: "quiet", "aria-hidden": "true" }, "/"), h("span", { "aria-current": "page", class: "here" }, artifact)];
  const many = session.repositories.length > 1;
  const choice = h(
    "select",
    { id: "repository", on: { change: (event) => go({ repository: event.target.value }) } },
    session.repositories.map(({ id }) => h("option", { value: id, selected: id === connection }, id)),
  );
  put(
    top,
    h("nav", { "aria-label": "Breadcrumb" }, home, trail),
    many ? h("div", { class: "chooser" }, h("label", { for: "repository" }, "Repository"), choice) : h("span", { class: "quiet" }, connection),
  );
}

function show({ moveFocus = false } = {}) {
  const asked = place();
  const known = session.repositories.find(({ id }) => id === asked.get("repository"));
  const connection = asked.get("repository") ?? session.repositories[0]?.id;
  const artifact = asked.get("artifact");
  stopShowing();
  document.title = artifact ? `${artifact} · Artifacts` : "Artifacts";
  showTop(connection, artifact);
  content.removeAttribute("aria-busy");
  if (!session.repositories.length) {
    put(content, problem({ title: "No repository is set up.", message: "Set [versioned] ui_connections in Airflow's configuration to the connections whose repositories shall be shown." }));
  } else if (asked.get("repository") && !known) {
    put(content, problem({ title: "Not shown here.", message: `[versioned] ui_connections in Airflow's configuration does not name connection ${connection}.` }));
  } else {
    const context = { connection, linkTo, content, asked };
    stopShowing = artifact ? showArtifact(context, artifact) : showList(context);
  }
  if (moveFocus) content.focus();
}

async function start() {
  followTheme();
  // At once: when the frame has loaded, Airflow puts the frame's address into its own, and what stood there is gone.
  setPlace(Object.fromEntries(place()), { replace: true });
  try {
    session = await get("session");
  } catch (error) {
    const again = error.kind === "anonymous" && h("a", { href: airflowUrl(""), class: "button", on: { click: leave } }, "Sign in to Airflow");
    content.removeAttribute("aria-busy");
    put(content, problem(error), again);
    return;
  }
  window.addEventListener("popstate", () => {
    showOutside();
    show({ moveFocus: true });
  });
  show();
}

start();
