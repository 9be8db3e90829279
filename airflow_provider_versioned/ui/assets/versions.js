// The versions, page by page, from the highest number down.

import { movable, promote } from "./aliases.js";
import { ask } from "./dialog.js";
import { button, field, h, problem, put, say } from "./dom.js";
import { author, size, time, tint } from "./format.js";

const PAGE = 25;

/** Make the section. */
export function versions(first) {
  let context = first;
  let pages = [null]; // where each page seen so far begins: below this number
  const results = h("div", { class: "results" });
  const deleted = h("input", { type: "checkbox", id: "deleted" });
  const number = h("input", { type: "number", id: "go-to", min: 1, max: 999999, step: 1 });
  deleted.addEventListener("change", restart);
  const jump = (event) => {
    event.preventDefault();
    pages = [null, ...(number.value ? [Number(number.value) + 1] : [])].slice(number.value ? 1 : 0);
    load();
  };
  const element = h(
    "section",
    { id: "versions", "aria-labelledby": "versions-title" },
    h("h2", { id: "versions-title" }, "Versions"),
    h(
      "form",
      { class: "row tools", on: { submit: jump } },
      field("Go to version", number),
      h("button", { type: "submit", class: "button" }, "Go"),
      h("div", { class: "check" }, deleted, h("label", { for: "deleted" }, "Also deleted ones")),
    ),
    results,
  );

  function restart() {
    pages = [null];
    load();
  }

  async function load() {
    results.setAttribute("aria-busy", "true");
    try {
      const found = await context.api.get("versions", { artifact: context.name, below: pages.at(-1), limit: PAGE, deleted: deleted.checked });
      put(results, table(context, found.versions), pager(found));
      say(`${found.versions.length} versions shown`);
    } catch (error) {
      put(results, problem(error));
    }
    results.removeAttribute("aria-busy");
  }

  function pager({ below }) {
    if (below === null && pages.length === 1 && pages[0] === null) return null;
    const newer = () => {
      pages = pages.length > 1 ? pages.slice(0, -1) : [null];
      load();
    };
    const older = () => {
      pages.push(below);
      load();
    };
    return h(
      "nav",
      { class: "row pager", "aria-label": "Pages of versions" },
      button("Newer", newer, { disabled: pages.at(-1) === null, "data-key": "newer" }),
      button("Older", older, { disabled: below === null, "data-key": "older" }),
    );
  }

  load();
  return {
    element,
    refresh(next) {
      context = next;
      load();
    },
  };
}

function table(context, found) {
  if (!found.length) return h("p", { class: "empty" }, "No version here.");
  const heads = ["Version", "State", "Published", "Size", "SHA-256"].map((text) => h("th", { scope: "col" }, text));
  const acts = context.found.may_act;
  return h(
    "table",
    { class: "cards" },
    h("caption", { class: "unseen" }, `Versions of ${context.name}`),
    h("thead", null, h("tr", null, heads, acts && h("th", { scope: "col" }, h("span", { class: "unseen" }, "Actions")))),
    h("tbody", null, found.map((version) => row(context, version, acts))),
  );
}

function row(context, version, acts) {
  const pointing = context.found.aliases.filter((alias) => [alias.version, alias.secondary_version].includes(version.version));
  return h(
    "tr",
    { class: version.live ? "" : "gone" },
    h("th", { scope: "row" }, h("span", { class: `number ${tint(version.version)}` }, version.version)),
    h("td", { "data-label": "State" }, h("span", { class: "badges" }, states(version, pointing))),
    h("td", { "data-label": "Published" }, h("span", { class: "stack" }, time(version.published_at), h("small", null, author(version.by)))),
    h("td", { "data-label": "Size", class: "figure" }, size(version.size)),
    h("td", { "data-label": "SHA-256" }, h("span", null, h("code", { class: "digest", title: version.sha256 }, version.sha256.slice(0, 12)), " ", copy(version))),
    acts && h("td", { class: "actions-cell" }, h("div", { class: "row actions" }, actions(context, version))),
  );
}

function states({ version: number, live, protected: why, deleted_at: at }, pointing) {
  const badges = pointing.map((alias) => h("span", { class: "badge alias" }, alias.secondary_version === number ? `${alias.alias} · canary` : alias.alias));
  if (!live) badges.push(h("span", { class: "badge bad" }, "deleted"), at && h("small", { class: "quiet" }, time(at)));
  else if (!pointing.length && why === null) badges.push(h("span", { class: "badge" }, "live"));
  if (why !== null) badges.push(h("span", { class: "badge good" }, "protected"), h("small", { class: "why" }, `“${why}”`));
  return badges;
}

function copy({ version, sha256 }) {
  const write = async (event) => {
    try {
      await navigator.clipboard.writeText(sha256);
      say(`The SHA-256 of version ${version} was copied.`);
      event.target.textContent = "copied";
    } catch {
      say(`The browser does not allow copying here. ${sha256}`);
      const digest = event.target.previousElementSibling;
      digest.textContent = sha256;
    }
  };
  return button("copy", write, { class: "button tiny", "aria-label": `Copy the SHA-256 of version ${version}` });
}

function actions(context, version) {
  const number = version.version;
  const offered = [];
  const small = (text, act, label) => button(text, act, { class: "button small", "aria-label": label, "data-key": `${text}-${number}` });
  if (!version.live) return [small("Restore…", () => change(context, number, "restore"), `Restore version ${number}…`)];
  if (movable(context.found, number).length) {
    offered.push(small("Promote…", () => promote(context, null, number), `Promote version ${number}…`));
  }
  if (version.protected === null) offered.push(small("Protect…", () => change(context, number, "protect"), `Protect version ${number}…`));
  else offered.push(small("Unprotect…", () => change(context, number, "unprotect"), `Unprotect version ${number}…`));
  return offered;
}

const CHANGES = {
  protect: ["Protect", "Nobody, and no retention, can delete it until it is unprotected.", "is protected", false],
  unprotect: ["Unprotect", "It can be deleted again, and retention may purge it.", "is not protected any more", true],
  restore: ["Restore", "It can be read again, as it was: same bytes, same number.", "is back", false],
};

function change({ api, name, changed }, number, path) {
  const [verb, line, after, danger] = CHANGES[path];
  ask({
    title: `${verb} version ${number}?`,
    lines: [h("p", null, h("strong", null, `Version ${number}`), ` of ${name}. ${line}`)],
    confirm: verb,
    danger,
    act: (reason) => api.post(path, { artifact: name, version: number, reason }),
    done: changed,
    success: `Version ${number} ${after}.`,
  });
}
