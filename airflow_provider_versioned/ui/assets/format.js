// How facts look: numbers, times, versions, people.

import { h } from "./dom.js";
import { airflowUrl, leave } from "./frame.js";

const LONG = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const UNITS = [["year", 31557600], ["month", 2629800], ["week", 604800], ["day", 86400], ["hour", 3600], ["minute", 60]];

export const TIME_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** Say a moment in the reader's own time zone. */
export function moment(iso) {
  return LONG.format(new Date(iso));
}

/** Say how long ago something was. */
export function ago(iso) {
  const seconds = (new Date(iso).getTime() - Date.now()) / 1000;
  const [unit, length] = UNITS.find(([, secs]) => Math.abs(seconds) >= secs) ?? ["minute", 60];
  return Math.abs(seconds) < 45 ? "just now" : RELATIVE.format(Math.round(seconds / length), unit);
}

/** Show a moment: how long ago, and exactly. */
export function time(iso, { exact = false } = {}) {
  const utc = `${iso.slice(0, 19).replace("T", " ")} UTC`;
  return h("time", { datetime: iso, title: exact ? utc : `${moment(iso)} · ${utc}` }, exact ? moment(iso) : ago(iso));
}

/** Say a size. */
export function size(bytes) {
  if (bytes === null || bytes === undefined) return "unknown";
  if (bytes < 1000) return `${bytes} B`;
  const power = Math.min(4, Math.floor(Math.log10(bytes) / 3));
  return `${(bytes / 1000 ** power).toPrecision(3)} ${["B", "kB", "MB", "GB", "TB"][power]}`;
}

/** Say "3 versions", "1 version". */
export function count(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

/** Return the colour class of a version; neighbours differ. */
export function tint(version) {
  return `tint-${version === "LATEST" ? "latest" : Number(version) % 8}`;
}

/** Say where an alias or a change points. */
export function target({ version, secondary_version: secondary, weight }) {
  if (version === null) return "nowhere (deleted)";
  return secondary === null ? `version ${version}` : `version ${version} (${100 - weight} %) and ${secondary} (${weight} %)`;
}

/** Show who did something, with a link to the Dag run when a task did. */
export function author(by) {
  if (!by) return h("span", { class: "quiet" }, "unknown");
  if (by.user) return h("span", { title: by.text }, by.user);
  if (!by.dag_id) return h("span", null, by.text);
  const run = airflowUrl(`dags/${encodeURIComponent(by.dag_id)}/runs/${encodeURIComponent(by.run_id)}`);
  const task = by.map_index ? `${by.task_id}[${by.map_index}]` : by.task_id;
  return h("a", { href: run, title: by.text, on: { click: leave, auxclick: leave } }, `${by.dag_id} › ${task}`);
}

/** Say who did something, as text. */
export function authorText(by) {
  if (!by) return "somebody unknown";
  return by.user ?? (by.dag_id ? `Dag ${by.dag_id}, run ${by.run_id}` : by.text);
}

/** Show where an alias points as a bar, and say it. */
export function splitBar(alias, { small = false } = {}) {
  const { version, secondary_version: secondary, weight } = alias;
  const share = secondary === null ? 0 : weight;
  const part = (number, percent) =>
    h("span", { class: `part ${tint(number)}`, vars: { "--share": `${percent}%` } }, percent >= (small ? 30 : 12) && `${number}${small ? "" : ` · ${percent} %`}`);
  return h(
    "div",
    { class: small ? "split small" : "split", role: "img", "aria-label": `${alias.alias}: ${target(alias)}` },
    part(version, 100 - share),
    secondary !== null && part(secondary, share),
  );
}
