// What a retention rule would do now, with the reason for each version. A preview: nothing is written.

import { button, field, h, problem, put, say } from "./dom.js";
import { count, time } from "./format.js";

const PAGE = 25;
const FIELDS = [
  ["keep_last_n", "Keep the newest", 10, "versions, however old"],
  ["purge_older_than_days", "Purge what is older than", 90, "days"],
  ["keep_previous_days", "Keep what an alias left within", 0, "days, to roll back to"],
];

/** Make the section. */
export function retention(first) {
  let context = first;
  let offset = 0;
  let only = "all";
  const inputs = Object.fromEntries(FIELDS.map(([name, , value]) => [name, h("input", { type: "number", id: name, name, min: 0, step: name === "keep_last_n" ? 1 : "any", value, required: true })]));
  const version = h("input", { type: "text", id: "why-version", inputmode: "numeric", pattern: "[0-9]{1,6}", placeholder: "all" });
  const results = h("div", { class: "results" });
  const preview = (event) => {
    event?.preventDefault();
    offset = 0;
    only = "all";
    load();
  };
  const element = h(
    "section",
    { id: "retention", "aria-labelledby": "retention-title" },
    h("h2", { id: "retention-title" }, "Retention"),
    h("p", { class: "quiet" }, "What PurgeVersionsOperator or “versioned-artifacts purge” would do now with these settings, and why. Nothing is written."),
    h(
      "form",
      { class: "row tools", on: { submit: preview } },
      FIELDS.map(([name, label, , unit]) => field(label, inputs[name], unit)),
      field("Why this version?", version, "a number; empty: all"),
      h("button", { type: "submit", class: "button primary" }, "Preview"),
    ),
    results,
  );

  async function load() {
    const rule = Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, input.value]));
    results.setAttribute("aria-busy", "true");
    try {
      const plan = await context.api.get("retention", { artifact: context.name, ...rule, version: version.value.trim(), only, offset, limit: PAGE });
      put(results, summary(plan), table(plan), pager(plan));
      say(`${plan.go} go, ${plan.stay} stay`);
    } catch (error) {
      put(results, problem(error));
    }
    results.removeAttribute("aria-busy");
  }

  function summary(plan) {
    const show = (which) => () => {
      only = which;
      offset = 0;
      load();
    };
    const choice = (which, text) => button(text, show(which), { class: "button toggle", "aria-pressed": String(only === which), "data-key": `only-${which}` });
    return h(
      "div",
      { class: "row spread" },
      h("p", null, h("strong", null, `${count(plan.go, "version")} would go, ${plan.stay} would stay`), h("span", { class: "quiet" }, " · planned ", time(plan.planned_at, { exact: true }))),
      h("div", { class: "row", role: "group", "aria-label": "Show" }, choice("all", "All"), choice("go", `Go (${plan.go})`), choice("stay", `Stay (${plan.stay})`)),
    );
  }

  function pager({ matching }) {
    if (matching <= PAGE) return null;
    const turn = (to) => () => {
      offset = to;
      load();
    };
    const last = Math.min(offset + PAGE, matching);
    return h(
      "nav",
      { class: "row pager", "aria-label": "Pages of the plan" },
      button("Previous", turn(Math.max(0, offset - PAGE)), { disabled: offset === 0, "data-key": "plan-previous" }),
      h("span", null, `${offset + 1}–${last} of ${matching.toLocaleString("en")}`),
      button("Next", turn(offset + PAGE), { disabled: last === matching, "data-key": "plan-next" }),
    );
  }

  function table({ decisions }) {
    if (!decisions.length) {
      const asked = version.value.trim();
      return h("p", { class: "empty" }, asked ? `Version ${asked} is not live: it was never published, or it is deleted already. Tick “Also deleted ones” above to look for it.` : "Nothing here.");
    }
    const heads = ["Version", "What", "Rule", "Because"].map((text) => h("th", { scope: "col" }, text));
    return h("table", { class: "cards" }, h("caption", { class: "unseen" }, "What would become of each version"), h("thead", null, h("tr", null, heads)), h("tbody", null, decisions.map(decisionRow)));
  }

  return {
    element,
    refresh(next) {
      context = next;
      if (results.childElementCount) load();
    },
  };
}

function decisionRow({ version, purge, rule, reason }) {
  return h(
    "tr",
    null,
    h("th", { scope: "row" }, version),
    h("td", { "data-label": "What" }, h("span", { class: purge ? "badge bad" : "badge good" }, purge ? "goes" : "stays")),
    h("td", { "data-label": "Rule" }, h("code", null, rule)),
    h("td", { "data-label": "Because" }, reason),
  );
}
