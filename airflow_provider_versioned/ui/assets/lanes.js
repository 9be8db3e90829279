// Draws one lane of the timeline: at each moment the height says how much of the traffic a version had.

import { h, newId, s } from "./dom.js";
import { authorText, moment, target, tint } from "./format.js";

const HEIGHT = 56;
const TOP = 12; // room for the marks of changes
const AXIS = 20;
const LABEL_WIDTH = 22;
const TICK_GAP = 110;
const KEYS = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };

/** Draw a lane; `select` is told which change is pointed at. */
export function drawLane({ lane, width, scale, start, end, at, title, select }) {
  const { changes } = lane;
  const x = scale === "time" ? timeScale(start, end, width) : changeScale(changes, width);
  const spans = changes.map((change, index) => {
    const until = changes[index + 1] ? x(changes[index + 1], index + 1) : width;
    return { change, from: x(change, index), until };
  });
  const inSight = spans.filter(({ until }) => until > 0);
  const marks = inSight.filter(({ from }) => from >= 0).map(mark);
  const drawing = s(
    "svg",
    { class: "drawing", width, height: TOP + HEIGHT + AXIS, viewBox: `0 0 ${width} ${TOP + HEIGHT + AXIS}`, "aria-hidden": "true" },
    s("rect", { class: "ground", x: 0, y: TOP, width, height: HEIGHT, rx: 4 }),
    inSight.map(area),
    scale === "time" && ticks(start, end, width),
    at !== null && scale === "time" && at >= start && s("line", { class: "asked", x1: position(at, start, end, width), x2: position(at, start, end, width), y1: 0, y2: TOP + HEIGHT }),
    marks.map(({ drawn }) => drawn),
  );
  return interactive({ drawing, marks, inSight, lane, title, select });
}

function position(moment, start, end, width) {
  return ((moment - start) / (end - start)) * width;
}

function timeScale(start, end, width) {
  return (change) => position(new Date(change.at).getTime(), start, end, width);
}

function changeScale(changes, width) {
  return (_change, index) => 6 + (index * (width - 6)) / Math.max(changes.length, 1);
}

function area({ change, from, until }) {
  const left = Math.max(0, from);
  const wide = Math.max(0.75, until - left);
  if (change.version === null) return null;
  const share = change.secondary_version === null ? 0 : change.weight / 100;
  const part = (version, y, high) => [
    s("rect", { class: `area ${tint(version)}`, x: left, y, width: wide, height: high }),
    wide > LABEL_WIDTH && high > 13 && s("text", { class: "label", x: left + wide / 2, y: y + high / 2, "text-anchor": "middle", "dominant-baseline": "central" }, version === "LATEST" && wide < 60 ? "L" : version),
  ];
  return [
    part(change.version, TOP + HEIGHT * share, HEIGHT * (1 - share)),
    share > 0 && part(change.secondary_version, TOP, HEIGHT * share),
    from >= 0 && s("line", { class: "edge", x1: from, x2: from, y1: TOP, y2: TOP + HEIGHT }),
  ];
}

function mark(span) {
  const { change, from } = span;
  const drawn = s("circle", { class: `mark ${change.action}`, cx: Math.max(4, from), cy: 6, r: 3.5 });
  return { ...span, drawn };
}

function ticks(start, end, width) {
  const wanted = Math.max(2, Math.floor(width / TICK_GAP));
  const step = (end - start) / wanted;
  const format = new Intl.DateTimeFormat("en-GB", step < 6 * 3600e3 ? { weekday: "short", hour: "2-digit", minute: "2-digit" } : step < 300 * 86400e3 ? { day: "numeric", month: "short" } : { month: "short", year: "numeric" });
  return Array.from({ length: wanted }, (_, index) => {
    const moment = start + step * (index + 0.5);
    const x = position(moment, start, end, width);
    return [
      s("line", { class: "tick", x1: x, x2: x, y1: TOP + HEIGHT, y2: TOP + HEIGHT + 4 }),
      s("text", { class: "tick-label", x, y: TOP + HEIGHT + 16, "text-anchor": "middle" }, format.format(moment)),
    ];
  });
}

/** Let pointer and keys choose a change. The lane is a list box: its options are the changes. */
function interactive({ drawing, marks, inSight, lane, title, select }) {
  const options = marks.map(({ change }) => h("li", { role: "option", id: newId("change"), "aria-selected": "false" }, `${moment(change.at)}: ${target(change)}, by ${authorText(change.by)}${change.reason ? `, ${change.reason}` : ""}`));
  const box = h(
    "div",
    { class: "lane-box", role: "listbox", tabindex: 0, "aria-labelledby": title, "aria-orientation": "horizontal", "data-key": `lane-${lane.alias}`, on: { keydown, pointermove: point, click: point, focus: () => choose(current()) } },
    drawing,
    h("ul", { class: "unseen", role: "presentation" }, options),
  );
  highlight(current());

  function current() {
    const index = marks.findIndex(({ change }) => change.sequence === lane.selected);
    return index < 0 ? marks.length - 1 : index;
  }

  function highlight(index) {
    const chosen = lane.selected !== undefined && marks[index]?.change.sequence === lane.selected;
    marks.forEach(({ drawn }, each) => drawn.classList.toggle("chosen", chosen && each === index));
    options.forEach((option, each) => option.setAttribute("aria-selected", String(chosen && each === index)));
    if (chosen) box.setAttribute("aria-activedescendant", options[index].id);
  }

  function choose(index) {
    if (!marks[index]) return;
    select(marks[index].change);
    highlight(index);
  }

  function keydown(event) {
    const move = KEYS[event.key];
    if (move === undefined) return;
    event.preventDefault();
    choose(Math.min(marks.length - 1, Math.max(0, current() + move)));
  }

  function point(event) {
    const left = event.clientX - box.getBoundingClientRect().left;
    const span = inSight.findLast(({ from }) => from <= left) ?? inSight[0];
    if (!span || span.change.sequence === lane.selected) return;
    select(span.change, { aloud: false });
    highlight(marks.findIndex(({ change }) => change === span.change));
  }

  return box;
}
