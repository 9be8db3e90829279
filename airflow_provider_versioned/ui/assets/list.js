// The artifacts of a repository, with search.

import { repository } from "./api.js";
import { button, field, h, problem, put, say } from "./dom.js";
import { author, count, splitBar, time } from "./format.js";
import { setPlace } from "./frame.js";

const PAGE = 20;
const PAUSE_MS = 200;

/** Show the list; returns how to stop. */
export function showList({ connection, linkTo, content, asked }) {
  const api = repository(connection);
  const results = h("div", { class: "results" });
  const input = h("input", { type: "search", id: "search", autocomplete: "off", spellcheck: "false", placeholder: "part of a name", value: asked.get("search") ?? "" });
  let offset = Number(asked.get("offset")) || 0;
  let waiting;
  let running = new AbortController();

  async function load() {
    running.abort();
    running = new AbortController();
    const search = input.value.trim();
    results.setAttribute("aria-busy", "true");
    try {
      const found = await api.get("artifacts", { search, offset, limit: PAGE }, running.signal);
      put(results, table(found, { connection, linkTo }), pager(found));
      say(search ? `${count(found.matching, "artifact")} found` : count(found.matching, "artifact"));
    } catch (error) {
      if (error.name === "AbortError") return;
      put(results, problem(error));
    }
    results.removeAttribute("aria-busy");
  }

  function turn(to) {
    offset = to;
    setPlace({ repository: connection, search: input.value.trim(), offset: offset || "" }, { replace: true });
    load();
  }

  function pager({ matching }) {
    if (matching <= PAGE) return null;
    const last = Math.min(offset + PAGE, matching);
    return h(
      "nav",
      { class: "row pager", "aria-label": "Pages of artifacts" },
      button("Previous", () => turn(Math.max(0, offset - PAGE)), { disabled: offset === 0, "data-key": "previous" }),
      h("span", null, `${offset + 1}–${last} of ${matching.toLocaleString("en")}`),
      button("Next", () => turn(offset + PAGE), { disabled: last === matching, "data-key": "next" }),
    );
  }

  input.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => turn(0), PAUSE_MS);
  });
  put(content, h("h1", null, "Artifacts"), h("search", null, field("Search by name", input)), results);
  load();
  return () => {
    clearTimeout(waiting);
    running.abort();
  };
}

function table({ total, artifacts }, context) {
  if (total === 0) {
    return h(
      "div",
      { class: "empty" },
      h("p", null, h("strong", null, "There is no artifact yet.")),
      h("p", null, "Publish the first with ", h("code", null, "PublishArtifactOperator"), " in a Dag, or with ", h("code", null, "versioned-artifacts publish"), " at a terminal."),
    );
  }
  if (artifacts.length === 0) return h("p", { class: "empty" }, "No artifact has such a name.");
  const heads = ["Artifact", "Newest version", "Published", "Aliases"].map((text) => h("th", { scope: "col" }, text));
  return h(
    "table",
    { class: "cards" },
    h("caption", { class: "unseen" }, "Artifacts with their newest version and their aliases"),
    h("thead", null, h("tr", null, heads)),
    h("tbody", null, artifacts.map((artifact) => row(artifact, context))),
  );
}

function row({ name, newest, aliases }, { connection, linkTo }) {
  return h(
    "tr",
    null,
    h("th", { scope: "row" }, linkTo({ repository: connection, artifact: name }, { class: "name" }, name)),
    h("td", { "data-label": "Newest version" }, newest ? h("span", { class: "number" }, newest.version) : h("span", { class: "quiet" }, "none")),
    h("td", { "data-label": "Published" }, newest ? h("span", { class: "stack" }, time(newest.published_at), newest.by && h("small", null, author(newest.by))) : "–"),
    h("td", { "data-label": "Aliases" }, aliases.length ? h("ul", { class: "chips" }, aliases.map(chip)) : h("span", { class: "quiet" }, "none")),
  );
}

function chip(alias) {
  return h("li", { class: "chip" }, h("span", { class: "chip-name" }, alias.alias), splitBar(alias, { small: true }), alias.rollout && alias.secondary_version && h("span", { class: "badge warn" }, "rollout"));
}
