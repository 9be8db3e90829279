// What each alias was, over time: a lane an alias, drawn from its history. Nothing is known only by its colour: numbers
// stand in the lanes, the change that is pointed at is told in words, and all changes are in a table below.

import { button, field, h, newId, problem, put, say } from "./dom.js";
import { author, authorText, moment, target, time, TIME_ZONE } from "./format.js";
import { drawLane } from "./lanes.js";

const DAY = 86400;
const RANGES = [["last hour", 3600], ["last 24 hours", DAY], ["last 7 days", 7 * DAY], ["last 30 days", 30 * DAY], ["last 90 days", 90 * DAY], ["last year", 366 * DAY], ["everything", Infinity]];
const CHANGES_AT_ONCE = 100;
const WANTED_IN_SIGHT = 8;

/** Make the section. */
export function timeline(first) {
  let context = first;
  let lanes = []; // {alias, deleted, changes: oldest first, below, selected: sequence}
  let at = null; // the moment asked for
  let scale = "time";
  let chosen = false; // the range, by the reader
  const range = h("select", { id: "range" }, RANGES.map(([text, secs]) => h("option", { value: secs }, text)));
  const scales = h("select", { id: "scale" }, h("option", { value: "time" }, "by time"), h("option", { value: "changes" }, "change by change"));
  const when = h("input", { type: "datetime-local", id: "when", step: 60 });
  const then = h("div", { class: "then", role: "status" });
  const drawing = h("div", { class: "lanes" });
  const told = h("div", { class: "told", role: "status" }, h("p", { class: "quiet" }, "Point at a lane, or go through its changes with the arrow keys, to read who moved the alias and why."));
  const tableAt = h("details", { class: "all-changes" }, h("summary", null, "All changes as a table"));
  const element = h(
    "section",
    { id: "timeline", "aria-labelledby": "timeline-title" },
    h("h2", { id: "timeline-title" }, "Timeline"),
    h(
      "form",
      { class: "row tools", on: { submit: ask } },
      field("What was live at", when, `your time, ${TIME_ZONE}`),
      h("button", { type: "submit", class: "button primary" }, "Show"),
      button("A day ago", () => askFor(DAY), { class: "button" }),
      button("A week ago", () => askFor(7 * DAY), { class: "button" }),
      h("span", { class: "grow" }),
      field("Scale", scales),
      field("Range", range),
    ),
    then,
    drawing,
    told,
    tableAt,
  );
  range.addEventListener("change", () => {
    chosen = true;
    draw();
  });
  scales.addEventListener("change", () => {
    scale = scales.value;
    range.disabled = scale === "changes";
    draw();
  });
  tableAt.addEventListener("toggle", drawTable);
  const watcher = new ResizeObserver(() => draw());
  watcher.observe(drawing);

  async function load() {
    const aliases = context.found.traces;
    try {
      lanes = await Promise.all(
        aliases.map(async ({ alias, deleted }) => {
          const found = await context.api.get("history", { artifact: context.name, alias, limit: CHANGES_AT_ONCE });
          const before = lanes.find((lane) => lane.alias === alias);
          return { alias, deleted, changes: found.changes.reverse(), below: found.below, selected: before?.selected };
        }),
      );
      lanes.sort((a, b) => a.deleted - b.deleted || a.alias.localeCompare(b.alias));
      if (!chosen) range.value = String(fittingRange());
      draw();
      drawTable();
    } catch (error) {
      put(drawing, problem(error));
    }
  }

  /** Choose the shortest range with enough changes to see something. */
  function fittingRange() {
    const ages = lanes.flatMap(({ changes }) => changes).map((change) => (Date.now() - new Date(change.at)) / 1000);
    const wanted = Math.min(WANTED_IN_SIGHT, ages.length);
    return RANGES.find(([, secs]) => ages.filter((age) => age < secs).length >= wanted)[1];
  }

  function bounds() {
    const end = Date.now();
    const seconds = Number(range.value);
    const oldest = Math.min(...lanes.flatMap(({ changes }) => changes.slice(0, 1)).map((change) => new Date(change.at).getTime()), end - 1000);
    const start = Number.isFinite(seconds) ? end - seconds * 1000 : oldest - (end - oldest) * 0.02;
    return { start, end };
  }

  function draw() {
    const width = drawing.clientWidth;
    if (!width) return;
    if (!lanes.length) {
      put(drawing, h("p", { class: "empty" }, "No alias has a history yet."));
      return;
    }
    put(drawing, lanes.map((lane) => laneOf(lane, width)));
  }

  function laneOf(lane, width) {
    const title = newId("lane");
    const select = (change, { aloud = true } = {}) => {
      if (lane.selected === change.sequence && !aloud) return;
      lane.selected = change.sequence;
      tell(change);
    };
    return h(
      "div",
      { class: "lane" },
      h(
        "div",
        { class: "row spread" },
        h("h3", { id: title }, lane.alias, lane.deleted && h("span", { class: "badge bad" }, "deleted")),
        lane.below !== null && button("Load older changes", () => older(lane), { class: "button small", "data-key": `older-${lane.alias}` }),
      ),
      drawLane({ lane, width, scale, ...bounds(), at, title, select }),
    );
  }

  async function older(lane) {
    try {
      const found = await context.api.get("history", { artifact: context.name, alias: lane.alias, below: lane.below, limit: CHANGES_AT_ONCE });
      lane.changes.unshift(...found.changes.reverse());
      lane.below = found.below;
      chosen = true;
      range.value = "Infinity";
      draw();
      drawTable();
      say(`${lane.changes.length} changes of ${lane.alias}`);
    } catch (error) {
      put(told, problem(error));
    }
  }

  function tell(change) {
    put(told, changeText(context, lanes, change));
  }

  function askFor(secondsAgo) {
    when.value = local(new Date(Date.now() - secondsAgo * 1000));
    ask();
  }

  async function ask(event) {
    event?.preventDefault();
    if (!when.value) {
      put(then, h("p", { class: "problem" }, "Choose a date and a time first."));
      when.focus();
      return;
    }
    const moment = new Date(when.value);
    try {
      const found = await context.api.get("at", { artifact: context.name, when: moment.toISOString() });
      at = moment.getTime();
      if (at < bounds().start) range.value = String(RANGES.find(([, secs]) => at > Date.now() - secs * 1000)[1]);
      put(then, answer(moment, found.aliases));
      draw();
    } catch (error) {
      put(then, problem(error));
    }
  }

  function drawTable() {
    if (!tableAt.open) return;
    const all = lanes.flatMap(({ alias, changes }) => changes.map((change) => ({ alias, ...change }))).sort((a, b) => (a.at < b.at ? 1 : -1));
    const heads = ["When", "Alias", "Change", "Points at", "By", "Reason"].map((text) => h("th", { scope: "col" }, text));
    const table = h("table", { class: "cards" }, h("caption", { class: "unseen" }, "All changes, newest first"), h("thead", null, h("tr", null, heads)), h("tbody", null, all.map(changeRow)));
    put(tableAt, tableAt.firstElementChild, table);
  }

  load();
  return {
    element,
    refresh(next) {
      context = next;
      load();
    },
    stop: () => watcher.disconnect(),
  };
}

function local(date) {
  return new Date(date - date.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
}

function answer(when, aliases) {
  const line = ({ alias, change }) =>
    change
      ? h("li", null, h("strong", null, alias), " was ", h("strong", null, target(change)), ", since ", time(change.at, { exact: true }), ", by ", author(change.by), change.reason && [": “", change.reason, "”"])
      : h("li", null, h("strong", null, alias), " did not exist, as far as its history tells");
  return h("div", { class: "answer" }, h("p", null, `At ${moment(when.toISOString())}:`), h("ul", null, aliases.map(line)));
}

function changeText({ found }, lanes, change) {
  const lane = lanes.find(({ changes }) => changes.includes(change));
  const { approval } = change;
  const rollout = change.rollout && found.rollouts.find(({ id }) => id === change.rollout);
  return h(
    "div",
    { class: "change" },
    h("p", null, h("strong", null, lane.alias), " → ", h("strong", null, target(change)), h("span", { class: "badge" }, action(change))),
    h("p", null, time(change.at, { exact: true }), h("span", { class: "quiet" }, " (", time(change.at), ")"), " by ", author(change.by), rollout && [" · rollout ", h("code", null, rollout.id)]),
    change.reason && h("p", { class: "why" }, `“${change.reason}”`),
    approval && h("p", null, h("span", { class: "badge good" }, "approved"), ` by ${approval.approved_by ?? "unknown"}`, approval.approved_at && [", ", time(approval.approved_at, { exact: true })], approval.comment && ` “${approval.comment}”`),
  );
}

function action({ action: done, sequence }) {
  return `${{ put: "moved", rollback: "rolled back", delete: "deleted", observed: "seen, moved by another tool" }[done] ?? done} · change ${sequence}`;
}

function changeRow(change) {
  return h(
    "tr",
    null,
    h("td", { "data-label": "When" }, time(change.at, { exact: true })),
    h("th", { scope: "row", "data-label": "Alias" }, change.alias),
    h("td", { "data-label": "Change" }, action(change)),
    h("td", { "data-label": "Points at" }, target(change)),
    h("td", { "data-label": "By", title: authorText(change.by) }, author(change.by)),
    h("td", { "data-label": "Reason" }, change.reason ?? "–"),
  );
}
