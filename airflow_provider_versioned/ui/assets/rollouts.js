// A rollout: how far it is, what its judge says, and the two ways to end it by hand.

import { ask } from "./dialog.js";
import { button, h } from "./dom.js";
import { author, time } from "./format.js";

const RECENT_MS = 7 * 86400 * 1000;
const STATES = { live: ["on its way", "warn"], frozen: ["frozen", "warn"], promoted: ["promoted", "good"], rolled_back: ["rolled back", "bad"], superseded: ["superseded", ""], overtaken: ["overtaken", "bad"] };
const VERDICTS = { success: "good", failure: "bad", inconclusive: "warn", error: "bad" };

/** Tell whether a rollout is worth a look: live, or ended lately. */
export function isShown(rollout) {
  return rollout.is_live || (rollout.ended_at && Date.now() - new Date(rollout.ended_at) < RECENT_MS);
}

/** Make the panel of a rollout. */
export function rolloutPanel(context, rollout) {
  const [state, look] = STATES[rollout.state] ?? [rollout.state, ""];
  return h(
    "section",
    { class: "rollout", "aria-label": `Rollout of ${rollout.alias}` },
    h("div", { class: "row spread" }, h("h4", null, `Rollout ${rollout.stable} → ${rollout.canary}`), h("span", { class: `badge ${look}` }, state)),
    steps(rollout),
    h("p", { class: "quiet" }, "Began ", time(rollout.began_at), rollout.began_by && [" by ", author(rollout.began_by)], rollout.ended_at && [", ended ", time(rollout.ended_at), rollout.ended_by && [" by ", author(rollout.ended_by)], rollout.end_reason && [": “", rollout.end_reason, "”"]]),
    rollout.state === "frozen" && h("p", null, "Frozen ", time(rollout.frozen_at), rollout.frozen_by && [" by ", author(rollout.frozen_by)], rollout.freeze_reason && [": “", rollout.freeze_reason, "”"]),
    rollout.state === "overtaken" && h("p", null, "The alias was moved without it; the rollout has stopped and leaves it alone."),
    rollout.state === "superseded" && rollout.superseded_by && h("p", null, "Rollout ", h("code", null, rollout.superseded_by), " took the alias."),
    rollout.judgement && judgement(rollout.judgement),
    rollout.is_live && context.found.may_act && actions(context, rollout),
  );
}

function steps({ weights, step, state, weight, is_live: live }) {
  const all = [...weights.filter((each) => each !== 100), 100];
  const reached = (index) => (state === "promoted" ? true : index <= step);
  const said = live ? `${weight} % of traffic; step ${Math.max(step + 1, 0)} of ${weights.length}` : "";
  return h(
    "ol",
    { class: "steps", "aria-label": `Steps${said && `: ${said}`}` },
    all.map((each, index) => h("li", { class: reached(index) ? "reached" : "", "aria-current": live && index === step ? "step" : false }, `${each} %`)),
  );
}

function judgement({ verdict, numbers, judged_at: at, weight, ...rest }) {
  const sides = compared(numbers ?? rest);
  const facts = flat(Object.fromEntries(Object.entries(numbers ?? rest).filter(([key]) => !sides?.names.includes(key))));
  return h(
    "details",
    { class: "judgement", open: facts.length <= 8 },
    h("summary", null, "Judge: ", h("span", { class: `badge ${VERDICTS[verdict] ?? ""}` }, String(verdict ?? "no verdict yet")), weight !== undefined && weight !== null && ` at ${weight} %`, at && [", ", time(at)]),
    sides && comparison(sides),
    facts.length > 0 && h("dl", { class: "numbers" }, facts.map(([label, value]) => h("div", null, h("dt", null, label), h("dd", null, value)))),
  );
}

/** Find what is told of both stable and canary, which is read best side by side. */
function compared(numbers) {
  const names = Object.keys(numbers).filter((key) => numbers[key] !== null && typeof numbers[key] === "object" && !Array.isArray(numbers[key]));
  const columns = names.map((key) => Object.fromEntries(flat(numbers[key])));
  const rows = [...new Set(columns.flatMap(Object.keys))];
  return names.length === 2 && rows.length ? { names, columns, rows } : null;
}

function comparison({ names, columns, rows }) {
  return h(
    "table",
    { class: "compared" },
    h("caption", { class: "unseen" }, `What the judge saw of ${names.join(" and ")}`),
    h("thead", null, h("tr", null, h("td"), names.map((each) => h("th", { scope: "col" }, each)))),
    h("tbody", null, rows.map((each) => h("tr", null, h("th", { scope: "row" }, each), columns.map((column) => h("td", null, column[each] ?? "–"))))),
  );
}

function flat(value, path = "") {
  if (value === null || value === undefined) return [];
  if (typeof value !== "object") return [[path.replaceAll("_", " ") || "value", typeof value === "number" && !Number.isInteger(value) ? String(Number(value.toPrecision(4))) : String(value)]];
  return Object.entries(value).flatMap(([key, inner]) => flat(inner, path ? `${path} ${key}` : key));
}

function actions({ api, name, changed }, rollout) {
  const end = (title, line, confirm, danger, path, success) => () =>
    ask({
      title,
      lines: [h("p", null, line)],
      confirm,
      danger,
      act: (reason) => api.post(path, { artifact: name, alias: rollout.alias, rollout_id: rollout.id, reason }),
      done: changed,
      success,
    });
  const { alias, stable, canary } = rollout;
  const now = end(`Promote ${canary} now?`, `Version ${canary} gets all traffic of ${alias} at once; the steps that are left are passed over, and no judge is asked.`, "Promote now", false, "promote-rollout", `${alias} points at version ${canary}.`);
  const abort = end(`Abort the rollout of ${alias}?`, `Version ${stable} gets all traffic of ${alias} back, and the rollout ends. This works whether or not its Dag run is alive.`, "Abort rollout", true, "abort-rollout", `The rollout of ${alias} was aborted.`);
  const frozen = rollout.state === "frozen";
  const freeze = frozen
    ? end(`Unfreeze the rollout of ${alias}?`, "It goes on where it is; the time in which it was frozen does not count as bake.", "Unfreeze", false, "unfreeze-rollout", `The rollout of ${alias} goes on.`)
    : end(`Freeze the rollout of ${alias}?`, `It stays where it is until somebody unfreezes, promotes or aborts it; version ${canary} keeps its share.`, "Freeze", false, "freeze-rollout", `The rollout of ${alias} is frozen.`);
  return h(
    "div",
    { class: "row actions" },
    button("Promote now…", now, { "data-key": `now-${alias}` }),
    button(frozen ? "Unfreeze…" : "Freeze…", freeze, { "data-key": `freeze-${alias}` }),
    button("Abort…", abort, { "data-key": `abort-${alias}`, class: "button danger-quiet" }),
  );
}
