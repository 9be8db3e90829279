// One artifact: what it is now, its aliases, their timeline, its versions, and what retention would do.

import { aliasCards } from "./aliases.js";
import { repository } from "./api.js";
import { button, h, problem, put, say } from "./dom.js";
import { author, size, time } from "./format.js";
import { retention } from "./retention.js";
import { timeline } from "./timeline.js";
import { versions } from "./versions.js";

const LOOK_AGAIN_MS = 15000;
const TURNS_WHEN_NOTHING_MOVES = 4;

/** Show one artifact; returns how to stop. */
export function showArtifact({ connection, content }, name) {
  const api = repository(connection);
  const facts = h("div", { class: "facts" });
  const aliasesAt = h("section", { id: "aliases", "aria-labelledby": "aliases-title" });
  const parts = {};
  let stopped = false;
  let shown;
  let moving = false; // a rollout is live
  let turn = 0;

  async function load({ all = true, aloud = false } = {}) {
    try {
      const found = await api.get("artifact", { artifact: name });
      if (stopped) return;
      moving = found.rollouts.some((rollout) => rollout.is_live);
      if (JSON.stringify({ ...found, now: null }) !== shown || all) {
        shown = JSON.stringify({ ...found, now: null });
        put(facts, factsOf(found));
        put(aliasesAt, h("h2", { id: "aliases-title" }, "Aliases"), aliasCards(context(found)));
        build(found);
      }
      if (aloud) say("Up to date.");
    } catch (error) {
      if (!stopped) put(facts, problem(error), button("Try again", () => load()));
    }
  }

  function context(found) {
    return { api, name, found, changed: () => load({ all: true }) };
  }

  function build(found) {
    for (const [part, make] of Object.entries({ timeline, versions, retention })) {
      if (parts[part]) parts[part].refresh(context(found));
      else {
        parts[part] = make(context(found));
        content.append(parts[part].element);
      }
    }
  }

  const jump = [["aliases", "Aliases"], ["timeline", "Timeline"], ["versions", "Versions"], ["retention", "Retention"]];
  put(
    content,
    h("div", { class: "row spread" }, h("h1", null, name), button("Refresh", () => load({ aloud: true }), { class: "button quiet-button" })),
    facts,
    h("nav", { class: "jump", "aria-label": "On this page" }, jump.map(([id, text]) => h("a", { href: `#${id}`, on: { click: (event) => jumpTo(event, id) } }, text))),
    aliasesAt,
  );
  put(facts, h("p", { class: "quiet" }, "Loading…"));
  load();
  const timer = setInterval(() => {
    turn += 1;
    const due = moving || turn % TURNS_WHEN_NOTHING_MOVES === 0;
    if (due && !document.hidden && !document.querySelector("dialog[open]")) load({ all: false });
  }, LOOK_AGAIN_MS);
  return () => {
    stopped = true;
    clearInterval(timer);
    for (const part of Object.values(parts)) part.stop?.();
  };
}

function jumpTo(event, id) {
  event.preventDefault();
  const heading = document.querySelector(`#${id} h2`);
  if (!heading) return;
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
  heading.scrollIntoView({ block: "start" });
}

function factsOf({ newest, latest, aliases, traces, may_act: mayAct }) {
  if (!newest && !latest && !aliases.length && !traces.length) {
    return h("p", { class: "empty" }, "Nothing is known of this artifact: it was never published, or every version of it is gone.");
  }
  return h(
    "p",
    null,
    newest ? ["Newest version ", h("strong", null, newest.version), ", published ", time(newest.published_at), newest.by && [" by ", author(newest.by)], ` · ${size(newest.size)}`] : "No live version among the newest.",
    latest && newest && latest.sha256 !== newest.sha256 && [" · ", h("span", { class: "badge" }, "LATEST differs"), " put ", time(latest.published_at)],
    !mayAct && [" · ", h("span", { class: "badge" }, "view only"), h("span", { class: "quiet" }, " your role may look, but not change anything")],
  );
}
