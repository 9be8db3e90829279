// Asks before anything is changed: what will happen, why, and what came of it.

import { button, field, h, newId, say } from "./dom.js";

/**
 * Open a dialog that carries out one action.
 *
 * @param title What is asked for.
 * @param lines What will happen: text or elements.
 * @param fields Elements between the lines and the reason.
 * @param confirm Text of the button that does it.
 * @param danger Whether it takes something away.
 * @param act Does it, given the reason; what it throws is shown, and the dialog stays.
 * @param done Called when it was done, or when there was a conflict and the user wants to look again.
 */
export function ask({ title, lines, fields = [], confirm, danger = false, act, done, success }) {
  const heading = newId("title");
  const about = newId("about");
  const reason = h("textarea", { rows: 2, maxlength: 1000, required: true, name: "reason" });
  const failed = h("div", { class: "failed" });
  const yes = h("button", { type: "submit", class: danger ? "button danger" : "button primary" }, confirm);
  const close = () => dialog.close();
  const no = button("Cancel", close, { name: "cancel" });
  const form = h(
    "form",
    { method: "dialog", novalidate: true, on: { submit } },
    h("h2", { id: heading }, title),
    h("div", { id: about, class: "lines" }, lines.map((line) => (typeof line === "string" ? h("p", null, line) : line))),
    fields,
    field("Reason", reason, "Kept with the change, for whoever looks at it later."),
    failed,
    h("div", { class: "row end" }, no, yes),
  );
  const dialog = h("dialog", { "aria-labelledby": heading, "aria-describedby": about }, form);
  dialog.addEventListener("close", () => dialog.remove());

  async function submit(event) {
    event.preventDefault();
    if (!reason.value.trim()) {
      show("Say why.", "A reason is needed: it is what others will read.");
      reason.setAttribute("aria-invalid", "true");
      reason.focus();
      return;
    }
    yes.disabled = true;
    failed.replaceChildren();
    try {
      await act(reason.value.trim());
      dialog.close();
      say(success);
      done();
    } catch (error) {
      show(error.title ?? "That did not work.", error.message);
      if (error.kind === "conflict") {
        failed.firstChild.append(button("Look again", () => { dialog.close(); done(); }));
      }
    } finally {
      yes.disabled = false;
    }
  }

  function show(what, message) {
    failed.replaceChildren(h("div", { class: "problem", role: "alert" }, h("strong", null, what), " ", h("span", null, message), " "));
  }

  document.body.append(dialog);
  dialog.showModal();
  (form.querySelector("select, input") ?? reason).focus();
}
