// The aliases as they are now, each with its split, who moved it and why, a live rollout, and what can be done.

import { ask } from "./dialog.js";
import { button, field, h } from "./dom.js";
import { author, splitBar, target, time } from "./format.js";
import { isShown, rolloutPanel } from "./rollouts.js";

/** Make the cards of all aliases. */
export function aliasCards(context) {
  const { aliases, rollouts } = context.found;
  if (!aliases.length) {
    return h("p", { class: "empty" }, "No alias points at a version. ", h("code", null, "PromoteAliasOperator"), " or ", h("code", null, "versioned-artifacts alias put"), " makes the first.");
  }
  const cards = aliases.map((alias) => ({ alias, rollout: rollouts.find((rollout) => rollout.alias === alias.alias) }));
  cards.sort((a, b) => Boolean(b.rollout?.is_live) - Boolean(a.rollout?.is_live)); // what moves comes first
  return h("div", { class: "grid" }, cards.map(({ alias, rollout }) => card(context, alias, rollout)));
}

function card(context, alias, rollout) {
  const live = rollout?.is_live;
  return h(
    "article",
    { class: "card", "aria-label": `Alias ${alias.alias}` },
    h("div", { class: "row spread" }, h("h3", null, alias.alias), h("span", { class: "quiet" }, "moved ", time(alias.moved_at))),
    splitBar(alias),
    h("p", { class: "target" }, sentence(alias)),
    h("p", { class: "why" }, alias.reason ? ["“", alias.reason, "” "] : h("span", { class: "quiet" }, "no reason given "), "— ", author(alias.by)),
    rollout && isShown(rollout) && rolloutPanel(context, rollout),
    context.found.may_act && !live && actions(context, alias),
  );
}

function sentence({ version, secondary_version: secondary, weight }) {
  if (secondary === null) return ["All traffic goes to version ", h("strong", null, version), "."];
  return [h("strong", null, `${weight} %`), " goes to version ", h("strong", null, secondary), ` (canary), the rest to version `, h("strong", null, version), "."];
}

function actions(context, alias) {
  const back = alias.way_back;
  return h(
    "div",
    { class: "row actions" },
    button("Promote…", () => promote(context, alias), { "data-key": `promote-${alias.alias}`, "aria-label": `Promote: point ${alias.alias} at another version…` }),
    button("Roll back…", () => rollBack(context, alias), { "data-key": `back-${alias.alias}`, "aria-label": `Roll back ${alias.alias}…`, disabled: !back }),
    h("span", { class: "quiet" }, back ? `undo: back to version ${back.version}` : "nothing to go back to"),
  );
}

function rollBack({ api, name, changed }, alias) {
  const back = alias.way_back;
  const canaryOn = alias.secondary_version !== null;
  ask({
    title: `Roll back ${alias.alias}?`,
    lines: [
      h("p", null, h("strong", null, alias.alias), ` of ${name} now points at ${target(alias)}.`),
      h("p", null, canaryOn ? "Rolling back drops the canary: " : "Rolling back brings the state before: ", h("strong", null, `version ${back.version}`), " gets all traffic. It pointed there from ", time(back.at, { exact: true }), "."),
    ],
    confirm: "Roll back",
    danger: true,
    act: (reason) => api.post("roll-back", { artifact: name, alias: alias.alias, if_revision: alias.revision, reason }),
    done: changed,
    success: `${alias.alias} was rolled back to version ${back.version}.`,
  });
}

/** Find the aliases that may be pointed at a version: not under a live rollout, and not there already. */
export function movable({ aliases, rollouts }, version) {
  const live = rollouts.filter((rollout) => rollout.is_live).map((rollout) => rollout.alias);
  const there = (alias) => alias.version === version && alias.secondary_version === null;
  return aliases.filter((alias) => !live.includes(alias.alias) && !there(alias));
}

/** Ask for a promotion: to which version, if none is given, and of which alias, if none is. */
export function promote({ api, name, found, changed }, alias, version) {
  const free = movable(found, version);
  let chosen = alias ?? free[0];
  const number = h("input", { type: "number", min: 1, max: 999999, step: 1, required: true, name: "version", value: version ?? chosen.secondary_version ?? found.newest?.version ?? "" });
  const which = h("select", { name: "alias" }, free.map((each) => h("option", { value: each.alias }, `${each.alias} (now ${target(each)})`)));
  which.addEventListener("change", () => { chosen = free[which.selectedIndex]; });
  ask({
    title: alias ? `Promote: point ${alias.alias} at another version` : `Promote version ${version}`,
    lines: [
      alias && h("p", null, h("strong", null, alias.alias), ` of ${name} now points at ${target(alias)}.`),
      h("p", null, "The version gets all traffic at once. To go in stages with checks, use ", h("code", null, "staged_promotion"), " in a Dag."),
    ].filter(Boolean),
    fields: [!alias && field("Alias", which), !version && field("Version", number)].filter(Boolean),
    confirm: "Promote",
    act: (reason) => api.post("promote", { artifact: name, alias: chosen.alias, version: String(version ?? number.value), if_revision: chosen.revision, reason }),
    done: changed,
    success: "Promoted.",
  });
}
